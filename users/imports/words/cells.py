"""What cells say, by the words of real exports, as :func:`users.imports.words.spelling.bare` makes them."""

from __future__ import annotations

from users.lifecycle import PAUSED
from users.models.people import UserKind, UserState


def _each(words: str, meaning: str) -> dict[str, str]:
    return {word.strip(): meaning for word in words.split(",")}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


#: Whoever only cannot sign in at the moment has not left.
STATES: dict[str, str] = {
    **_each(
        "active, activated, enabled, current, employed, live, password expired, recovery, locked out, "
        "aktiv, aktiviert, beschaftigt, actif, active, en poste, activo, activa, actief, in dienst, attivo, attiva, "
        "in servizio, ativo, ativa, 有効, 在籍, 在籍中, 在職, 在職中, アクティブ",
        UserState.ACTIVE,
    ),
    **_each(
        "deleted, deprovisioned, deactivated, inactive, terminated, former, left, archived, removed, resigned, "
        "departed, "
        "geloscht, inaktiv, ausgeschieden, ausgetreten, deaktiviert, "
        "supprime, supprimee, inactif, parti, partie, sorti, sortie, desactive, desactivee, "
        "eliminado, eliminada, inactivo, inactiva, verwijderd, inactief, uit dienst, "
        "eliminato, eliminata, inattivo, inattiva, cessato, cessata, "
        "excluido, excluida, inativo, inativa, desligado, desligada, demitido, demitida, "
        "削除, 削除済み, 退職, 退職済み, 退社",
        UserState.DELETED,
    ),
    **_each(
        "suspended, disabled, blocked, locked, staged, provisioned, pending, invited, on leave, leave of absence, "
        "on hold, paused, gesperrt, beurlaubt, ruhend, elternzeit, suspendu, suspendue, bloque, bloquee, en conge, "
        "suspendido, suspendida, bloqueado, bloqueada, geschorst, geblokkeerd, opgeschort, met verlof, "
        "sospeso, sospesa, bloccato, bloccata, in congedo, suspenso, suspensa, afastado, afastada, "
        "無効, 停止, 停止中, 一時停止, 休職, 休職中",
        PAUSED,
    ),
}

KINDS: dict[str, str] = {
    **_each(
        "internal, employee, member, staff, intern, mitarbeiter, mitarbeiterin, mitarbeitende, angestellt, interne, "
        "employe, salarie, interno, interna, empleado, medewerker, werknemer, dipendente, funcionario, colaborador, "
        "内部, 社員, 従業員, 正社員",
        UserKind.INTERNAL,
    ),
    **_each(
        "external, customer, partner, guest, client, vendor, supplier, extern, kunde, kundin, gast, lieferant, "
        "externe, partenaire, invite, fournisseur, externo, externa, cliente, socio, invitado, proveedor, klant, "
        "leverancier, esterno, esterna, ospite, fornitore, convidado, fornecedor, parceiro, 外部, 顧客, ゲスト, 取引先",
        UserKind.EXTERNAL,
    ),
}

YES = _words("true yes y 1 x ja oui si sim vrai wahr verdadero vero verdadeiro はい")
NO = _words("false no n 0 nein non nao nee falsch faux falso いいえ")

#: What stands in the manager's column of whoever has none; "company name" is the word of a sample in circulation.
NO_MANAGER = frozenset(
    {"", "root", "none", "n/a", "-", "–", "company name", "null", "nobody"}
    | {"keiner", "keine", "niemand", "aucun", "aucune", "ninguno", "geen", "nessuno", "nenhum", "なし", "無し"}
)
