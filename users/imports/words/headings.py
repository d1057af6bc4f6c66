"""Headings in English, German, French, Spanish, Dutch, Italian, Portuguese and Japanese.

They are written as :func:`users.imports.words.spelling.bare` makes them.

``WITHIN``: a heading means the field when it has all words of one of these phrases. ``WHOLE``: when it is one of them,
but for words that only say whose it is ("Employee name", "Name of the user"): "Building ID" is nobody's, and the state
of an address is no state of a user.
"""

from __future__ import annotations


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Tried in this order: a manager's email is no email of the user, a deletion date no state.
FIELDS_IN_ORDER = (
    "manager",
    "adobe_id",
    "deleted_at",
    "unique_user_id",
    "email",
    "profile",
    "first_name",
    "last_name",
    "name",
    "state",
    "kind",
)

WITHIN: dict[str, tuple[str, ...]] = {
    "manager": (
        *("manager", "supervisor", "reports to", "line manager"),
        *("vorgesetzter", "vorgesetzte", "vorgesetzten", "fuhrungskraft", "vorgesetzteremail"),
        *("superieur", "responsable", "jefe", "supervisora", "gerente", "gestor", "superior"),
        *("leidinggevende", "responsabile", "superiore"),
    ),
    "adobe_id": (
        *("adobe id", "adobeid", "federated id", "sso id", "identity provider"),
        *("user principal name", "userprincipalname", "upn"),
    ),
    "deleted_at": (
        *("deletion date", "date deleted", "deleted on", "deleted at", "delete date"),
        *("termination date", "leaving date", "exit date", "date of leaving", "last working day"),
        *("loschdatum", "austrittsdatum", "austritt am", "datum austritt", "geloscht am", "letzter arbeitstag"),
        *("date depart", "date sortie", "date suppression", "date fin contrat"),
        *("fecha baja", "fecha salida", "fecha eliminacion", "fecha cese"),
        *("datum uit dienst", "uitdienstdatum", "verwijderdatum", "datum uitdiensttreding", "verwijderd op"),
        *("data cessazione", "data uscita", "data eliminazione", "data fine rapporto"),
        *("data desligamento", "data saida", "data exclusao", "data demissao", "data eliminacao"),
    ),
    "unique_user_id": (
        *("employee number", "employee no", "employeenumber", "personnel number", "staff number", "employee id"),
        *("staff id", "person id", "employeeid", "unique user id"),
        *(
            "personalnummer",
            "personalnr",
            "mitarbeiternummer",
            "mitarbeiternr",
            "mitarbeiter nr",
            "personal nr",
            "mitarbeiter id",
            "mitarbeiterid",
        ),
        *("matricule", "numero employe", "numero salarie", "identifiant unique"),
        *("numero empleado", "numero personal", "legajo", "id empleado", "codigo empleado"),
        *("personeelsnummer", "medewerkernummer", "personeelsnr", "medewerker id"),
        *("matricola", "numero dipendente", "id dipendente", "codice dipendente"),
        *("matricula", "numero funcionario", "id funcionario", "codigo funcionario", "numero colaborador"),
    ),
    "email": (
        *("email", "mail", "emailaddress", "emailadresse", "mailadresse"),
        *("courriel", "correo", "emailadres", "mailadres", "posta elettronica"),
    ),
    "profile": (
        *("designation", "job title", "jobtitle", "job role", "employee title"),
        *("stellenbezeichnung", "berufsbezeichnung", "jobtitel"),
        *("intitule poste", "functietitel", "functienaam", "titolo professionale"),
    ),
    "first_name": (
        *("first name", "firstname", "given name", "givenname", "forename"),
        *("vorname", "rufname", "prenom", "nombre pila", "voornaam", "primeiro nome"),
    ),
    "last_name": (
        *("last name", "lastname", "surname", "family name", "familyname"),
        *("nachname", "familienname", "zuname", "nom famille", "apellido", "apellidos"),
        *("achternaam", "familienaam", "cognome", "sobrenome", "apelido", "ultimo nome"),
    ),
    "kind": ("internal external", "intern extern", "interne externe", "interno externo", "interno esterno"),
}

WHOLE: dict[str, tuple[str, ...]] = {
    "unique_user_id": (
        *("id", "uid", "uuid", "userid", "idnumber", "id number", "external id", "externalid", "object id"),
        *("customer defined unique user id", "employee number", "staff number"),
        *("kennung", "identifiant", "identificador", "identificatie", "identificativo"),
    ),
    "profile": (
        *("profile", "title", "position", "job"),
        *("profil", "funktion", "stelle", "fonction", "poste", "emploi"),
        *("perfil", "puesto", "cargo", "functie", "profiel", "profilo", "mansione", "qualifica", "funcao"),
    ),
    # "Nombre", "Nome" and "Nom" may be a part of it: see ``BESIDE``.
    "name": (
        *("name", "fullname", "employee", "learner", "displayname"),
        *("mitarbeiter", "mitarbeiterin", "mitarbeitende", "anzeigename", "vollstandiger name"),
        *("nom", "nom complet", "nom prenom", "prenom nom", "nombre", "nombre completo", "nombre y apellidos"),
        *("nombre apellidos", "apellidos nombre", "apellidos y nombre"),
        *("naam", "volledige naam", "medewerker", "weergavenaam"),
        *("nome", "nome completo", "nome e cognome", "cognome e nome", "nome cognome", "cognome nome", "nominativo"),
    ),
    "state": (
        *("state", "status", "statut", "estado", "stato", "situacao", "toestand", "zustand"),
        *("account status", "account state", "beschaftigungsstatus", "benutzerstatus", "mitarbeiterstatus"),
        *("kontostatus", "statut compte", "estado cuenta"),
    ),
    "kind": (
        *("type", "kind", "usertype", "employeetype"),
        *("benutzertyp", "typ", "art", "mitarbeiterart", "tipo", "soort"),
    ),
}

#: Headings that say yes or no: what "yes" means, and what "no". No state of its own is what keeps somebody as they are.
YES_NO: dict[str, tuple[str, str]] = {
    **dict.fromkeys(
        ("active", "is active", "aktiv", "actif", "activo", "actief", "attivo", "ativo"), ("active", "deleted")
    ),
    **dict.fromkeys(("enabled", "is enabled", "account enabled", "accountenabled"), ("active", "paused")),
    **dict.fromkeys(
        (
            "deleted",
            "is deleted",
            "geloscht",
            "supprime",
            "eliminado",
            "verwijderd",
            "eliminato",
            "excluido",
            "inactive",
        ),
        ("deleted", "active"),
    ),
    **dict.fromkeys(
        (
            *("suspended", "is suspended", "disabled", "is disabled", "blocked", "block credential", "block sign in"),
            *("account disabled", "locked", "gesperrt", "suspendu", "suspendido", "geblokkeerd", "sospeso", "suspenso"),
        ),
        ("paused", "active"),
    ),
}

#: Japanese has no blanks between words: these are whole headings, but for "の" and "※".
JAPANESE: dict[str, str] = {
    **dict.fromkeys(
        ("氏名", "名前", "お名前", "フルネーム", "表示名", "社員名", "従業員名", "ユーザー名", "ユーザ名"), "name"
    ),
    **dict.fromkeys(("名", "ファーストネーム", "名前名"), "first_name"),
    **dict.fromkeys(("姓", "苗字", "名字", "ラストネーム"), "last_name"),
    **dict.fromkeys(
        (
            "メールアドレス",
            "メール",
            "eメール",
            "eメールアドレス",
            "電子メール",
            "電子メールアドレス",
            "社員メールアドレス",
        ),
        "email",
    ),
    **dict.fromkeys(
        (
            "社員番号",
            "従業員番号",
            "職員番号",
            "社員id",
            "従業員id",
            "ユーザーid",
            "ユーザid",
            "一意ユーザーid",
            "社員コード",
        ),
        "unique_user_id",
    ),
    **dict.fromkeys(("役職", "職位", "職種", "肩書", "肩書き", "プロファイル", "プロフィール"), "profile"),
    **dict.fromkeys(
        (
            *("上司メールアドレス", "上司メール", "上司", "上長", "上長メールアドレス", "マネージャー"),
            *("マネージャーメールアドレス", "マネージャーメール", "管理者メールアドレス"),
        ),
        "manager",
    ),
    **dict.fromkeys(("状態", "ステータス", "在籍状況", "在籍区分", "在職区分", "アカウント状態"), "state"),
    **dict.fromkeys(("削除日", "削除日時", "退職日", "退職年月日", "退社日"), "deleted_at"),
    **dict.fromkeys(("区分", "ユーザー区分", "社員区分", "ユーザー種別", "ユーザータイプ"), "kind"),
}

#: Headings that are a part of the name beside one of some others: heading → field, beside which.
BESIDE: dict[str, tuple[str, frozenset[str]]] = {
    "name": ("last_name", frozenset({"vorname", "rufname", "voornaam"})),
    "nom": ("last_name", frozenset({"prenom", "prenoms"})),
    "naam": ("last_name", frozenset({"voornaam"})),
    "nombre": ("first_name", frozenset({"apellido", "apellidos"})),
    "nome": ("first_name", frozenset({"cognome", "sobrenome", "apelido", "ultimo nome"})),
    "名前": ("first_name", frozenset({"姓", "苗字", "名字"})),
}

#: What somebody signs in with, or a name: the cells say which.
LOGINS = frozenset({"user name", "username", "login name"})

#: Words that only say whose it is, or hold a phrase together.
ASIDE = _words(
    "employee employees user users person worker staff member learner learners participant student unique personnel "
    "employment registration current full display complete primary work your the of for and required "
    "des der die das und benutzer benutzers mitarbeiter mitarbeiters mitarbeitenden mitarbeiterin teilnehmer "
    "de du la le les l d et utilisateur employe salarie apprenant collaborateur "
    "del el los y usuario empleado alumno "
    "van het een en gebruiker medewerker werknemer "
    "dell dello della di e utente dipendente collaboratore "
    "do da dos das utilizador funcionario colaborador"
)
#: Another address of the same person, by which nobody is to be known.
OTHER_ADDRESSES = _words(
    "recovery secondary second alternate alternative backup authentication previous old new former other "
    "secours secondaire alternativo alternativa secundario secundaria recuperacion"
)
#: Taken only where there is no other.
PRIVATE_ADDRESSES = _words("private personal home privat private prive personnel personale particular")
#: Whose email or name that is: somebody else's, or no person's at all.
SOMEBODY_ELSE = _words(
    "by assigned created modified approver hr sponsor support sender reviewer instructor trainer coach mentor "
    "assistant department team group building floor course cost division organization organisation location school "
    "emergency spouse referrer abteilung kostenstelle firma entreprise empresa azienda bedrijf ansprechpartner"
)
#: What is told of a manager beside the email.
OF_A_MANAGER = _words(
    "name names id ids number no first last given surname title phone department unique "
    "nummer nom prenom nombre naam nome telefon matricule numero"
)
