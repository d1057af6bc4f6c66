"""Exports as other products write them: their headings are in tests/data/exports, the people in them are invented."""

from pathlib import Path

import pytest

from tests.factories.users import UserFactory
from tests.users.imports.at_hand import bad_rows, counts, imported, started
from users.models import ImportNote, User

pytestmark = pytest.mark.django_db

EXPORTS = Path(__file__).parents[2] / "data" / "exports"

NORA, OTTO, PIA = "nora.quill@example.com", "otto.ferris@example.com", "pia.lund@example.com"


def said_of(user):
    return (
        user.name,
        user.unique_user_id or "",
        user.profile,
        user.adobe_id or "",
        user.manager.name if user.manager else "",
        user.kind,
        user.state,
    )


#: File → what is known of Nora Quill, Otto Ferris and Pia Lund after it went into an empty account: Unique User ID,
#: profile, login, manager, kind, state.
KNOWN = {
    "adobe-export-user-data": {
        NORA: ("", "Head of Training", "nora.quill@login.example.com", "", "internal", "active"),
        OTTO: ("", "Designer", "", "Nora Quill", "internal", "active"),
        PIA: ("", "Designer", "", "Nora Quill", "internal", "deleted"),
    },
    "adobe-jobs-api": {
        NORA: ("00042", "Head of Training", "", "", "internal", "active"),
        OTTO: ("00043", "Partner", "", "Nora Quill", "external", "active"),
        PIA: ("00044", "Designer", "", "Nora Quill", "internal", "deleted"),
    },
    "adobe-user-csv": {
        NORA: ("", "Admin", "", "", "internal", "active"),
        OTTO: ("", "Engineering", "", "Nora Quill", "internal", "active"),
        PIA: ("", "Sales", "", "Nora Quill", "internal", "deleted"),
    },
    "google-workspace": {
        NORA: ("00042", "Head of Training", "", "", "internal", "active"),
        PIA: ("00044", "Designer", "", "Nora Quill", "internal", "deleted"),
    },
    "entra": {
        NORA: (
            *("0b6f2a0e-0001-4c3d-9a11-000000000001", "Head of Training", "nora@example.onmicrosoft.com"),
            *("", "internal", "active"),
        ),
        PIA: (
            *("0b6f2a0e-0001-4c3d-9a11-000000000003", "Designer", "pia@example.onmicrosoft.com"),
            *("", "internal", "active"),
        ),
    },
    "okta": {
        NORA: ("00042", "Head of Training", "nora.quill", "", "internal", "active"),
        OTTO: ("00043", "Designer", "otto.ferris", "", "internal", "active"),
        PIA: ("00044", "Designer", "pia.lund", "", "internal", "deleted"),
    },
    "canvas-sis": {
        NORA: ("00042", "", "nquill", "", "internal", "active"),
        PIA: ("00044", "", "plund", "", "internal", "deleted"),
    },
    "canvas-report": {
        NORA: ("00042", "", "nquill", "", "internal", "active"),
        OTTO: ("00043", "", "oferris", "", "internal", "active"),
        PIA: ("00044", "", "plund", "", "internal", "active"),
    },
    "moodle": {
        NORA: ("00042", "", "", "", "internal", "active"),
        PIA: ("00044", "", "", "", "internal", "active"),
    },
    "moodle-upload": {
        NORA: ("00042", "", "", "", "internal", "active"),
        OTTO: ("00043", "", "", "", "internal", "active"),
        PIA: ("00044", "", "", "", "internal", "deleted"),
    },
}
NAMES = {NORA: "Nora Quill", OTTO: "Otto Ferris", PIA: "Pia Lund"}


@pytest.mark.parametrize("name", list(KNOWN))
def test_an_export_goes_in_as_it_is(account, name):
    log = imported(account, (EXPORTS / f"{name}.csv").read_bytes())
    found = {user.email: said_of(user) for user in User.objects.filter(account=account)}
    wanted = {
        email: (NAMES[email], unique_id, profile, login, manager, kind, state)
        for email, (unique_id, profile, login, manager, kind, state) in KNOWN[name].items()
    }
    assert found == wanted
    assert bad_rows(log) == []


def test_every_export_has_its_case():
    assert sorted(path.stem for path in EXPORTS.glob("*.csv")) == sorted(KNOWN)


def test_times_of_a_column_in_utc_are_not_the_accounts(account):
    """23:30 in UTC is the next year in Berlin."""
    account.time_zone = "Europe/Berlin"
    account.save()
    imported(account, (EXPORTS / "adobe-export-user-data.csv").read_bytes())
    assert User.objects.get(email=PIA).deleted_month == "2026-01"


@pytest.mark.parametrize("state", ["active", "deleted"])
def test_who_is_suspended_elsewhere_stays_what_they_are(account, admin_user, state):
    """Neither deleted nor brought back; whoever is no user here is left out, and the row is no bad one."""
    user = UserFactory(account=account, name="Otto Ferris", email=OTTO, deleted=state == "deleted")
    log = imported(account, (EXPORTS / "google-workspace.csv").read_bytes())
    user.refresh_from_db()
    assert (user.state, user.unique_user_id) == (state, "00043")
    assert counts(log) == {"added": 2, "updated": 1}
    # And where nobody knows him.
    User.objects.filter(pk=user.pk).update(
        email="other@example.com", email_key="other@example.com", unique_user_id=None
    )
    log = imported(account, (EXPORTS / "google-workspace.csv").read_bytes())
    assert not User.objects.filter(email=OTTO).exists()
    assert (counts(log), bad_rows(log)) == ({"unchanged": 2}, [])
    assert list(ImportNote.objects.filter(log=log).values_list("line", "kind", "reference")) == [(3, "left_out", "")]


# ---------------------------------------------------------------- headings of other languages

#: The same three people as a spreadsheet of that language has them: headings, and what stands for active and left.
LANGUAGES = {
    "German": (
        "Vorname;Nachname;E-Mail-Adresse;Personalnummer;Position;E-Mail des Vorgesetzten;Status",
        *("aktiv", "ausgeschieden"),
    ),
    "German, last name first": (
        "Name;Vorname;E-Mail;Mitarbeiter-Nr.;Funktion;Vorgesetzter;Beschäftigungsstatus",
        *("Aktiv", "Inaktiv"),
    ),
    "French": ("Prénom;Nom;Adresse e-mail;Matricule;Fonction;E-mail du responsable;Statut", "Actif", "Supprimé"),
    "Spanish": (
        "Nombre;Apellidos;Correo electrónico;Número de empleado;Puesto;Correo del jefe;Estado",
        *("Activo", "Inactivo"),
    ),
    "Dutch": (
        "Voornaam;Achternaam;E-mailadres;Personeelsnummer;Functie;E-mail leidinggevende;Status",
        *("actief", "uit dienst"),
    ),
    "Italian": (
        "Nome;Cognome;Indirizzo e-mail;Matricola;Mansione;E-mail del responsabile;Stato",
        *("attivo", "cessato"),
    ),
    "Portuguese": ("Nome;Sobrenome;E-mail;Matrícula;Cargo;E-mail do gestor;Situação", "Ativo", "Desligado"),
    "Japanese": ("名;姓;メールアドレス\uff08必須\uff09;社員番号;役職;上司のメールアドレス;在籍状況", "在籍", "退職"),
}


@pytest.mark.parametrize("language", list(LANGUAGES))
def test_headings_of_a_language(account, language):
    headings, active, left = LANGUAGES[language]
    first, last = (1, 0) if language == "German, last name first" else (0, 1)
    rows = [
        (["Nora", "Quill"], f"{NORA};00042;Head;;{active}"),
        (["Otto", "Ferris"], f"{OTTO};00043;Chemist;{NORA};{active}"),
        (["Pia", "Lund"], f"{PIA};00044;Chemist;{NORA};{left}"),
    ]
    text = "\n".join([headings, *(f"{names[first]};{names[last]};{rest}" for names, rest in rows)])
    log = imported(account, text)
    assert bad_rows(log) == []
    assert {user.email: said_of(user) for user in User.objects.filter(account=account)} == {
        NORA: ("Nora Quill", "00042", "Head", "", "", "internal", "active"),
        OTTO: ("Otto Ferris", "00043", "Chemist", "", "Nora Quill", "internal", "active"),
        PIA: ("Pia Lund", "00044", "Chemist", "", "Nora Quill", "internal", "deleted"),
    }


# ---------------------------------------------------------------- the first rows decide with the headings


def columns_of(account, text):
    log = started(account, text)
    headings = text.splitlines()[0].split(",")
    return {name: headings[number] for name, number in log.mapping["columns"].items()}


@pytest.mark.parametrize(
    ("case", "headings", "rows", "meant"),
    [
        (
            "a type of employment is nobody's name and no kind of user",
            "Employee,Employee Type,Email",
            ["Nora Quill,Full-time", "Otto Ferris,Full-time", "Pia Lund,Part-time"],
            {"name": "Employee", "email": "Email"},
        ),
        (
            "a name that all have is no name",
            "Employee Name,Full name,Email",
            ["Full-time,Nora Quill", "Full-time,Otto Ferris", "Full-time,Pia Lund"],
            {"name": "Full name", "email": "Email"},
        ),
        (
            "the state of an address",
            "Name,State,Email",
            ["Nora Quill,Bavaria", "Otto Ferris,Hesse", "Pia Lund,Bavaria"],
            {"name": "Name", "email": "Email"},
        ),
        (
            "managers by name",
            "Name,Manager,Email",
            ["Nora Quill,", "Otto Ferris,Nora Quill", "Pia Lund,Nora Quill", "Quin Oak,Nora Quill"],
            {"name": "Name", "email": "Email"},
        ),
        (
            "a number that many share is nobody's ID",
            "Name,ID,Email",
            ["Nora Quill,7", "Otto Ferris,7", "Pia Lund,8", "Quin Oak,8", "Rob Low,7"],
            {"name": "Name", "email": "Email"},
        ),
        (
            "what somebody signs in with is no name",
            "User name,First name,Last name,Email",
            ["nquill,Nora,Quill", "oferris,Otto,Ferris", "plund,Pia,Lund"],
            {"first_name": "First name", "last_name": "Last name", "email": "Email"},
        ),
        (
            "a name where somebody signs in with it elsewhere",
            "User name,Email",
            ["Nora Quill", "Otto Ferris", "Pia Lund"],
            {"name": "User name", "email": "Email"},
        ),
        (
            "an empty column gives way",
            "E-mail,Name,Work email",
            [",Nora Quill", ",Otto Ferris", ",Pia Lund"],
            {"name": "Name", "email": "Work email"},
        ),
        (
            "dates that cannot be read",
            "Name,Termination date,Email",
            ["Nora Quill,13/05/2026", "Otto Ferris,14/05/2026", "Pia Lund,15/05/2026"],
            {"name": "Name", "email": "Email"},
        ),
        (
            "two cells prove nothing",
            "Name,State,Email",
            ["Nora Quill,Bavaria", "Otto Ferris,Hesse"],
            {"name": "Name", "state": "State", "email": "Email"},
        ),
    ],
)
def test_a_proposal_that_the_cells_contradict_is_not_made(account, case, headings, rows, meant):
    text = "\n".join([headings, *(f"{row},p{number}@example.com" for number, row in enumerate(rows))])
    assert columns_of(account, text) == meant


def test_what_was_chosen_last_time_is_not_proposed_for_other_cells(account):
    imported(account, "Name,Email,Status\nNora Quill,n@example.com,ACTIVE\n")
    text = "Name,Email,Status\n" + "".join(f"P {n},p{n}@example.com,Gold card\n" for n in range(3))
    assert columns_of(account, text) == {"name": "Name", "email": "Email"}


def test_what_is_said_goes_before_what_the_cells_say(account):
    text = "Name,Email,Group\n" + "".join(f"P {n},p{n}@example.com,7\n" for n in range(3))
    log = started(account, text, mapping={"unique_user_id": "Group"})
    assert log.mapping["columns"] == {"name": 0, "email": 1, "unique_user_id": 2}


# ---------------------------------------------------------------- cells


def test_marks_of_direction_and_guards_are_no_part_of_what_a_cell_says(account):
    text = (
        "\u202aName\u202c,\u200eEmail,\u2066Unique User ID\u2069,Profile\n"
        '\u202aNora Quill\u202c,\u202anora.quill@example.com\u202c,"=""00042""",\u200fHead\u200e\n'
    )
    log = imported(account, text)
    assert (counts(log), bad_rows(log)) == ({"added": 1}, [])
    user = User.objects.get(account=account)
    assert (user.name, user.email, user.unique_user_id, user.profile) == ("Nora Quill", NORA, "00042", "Head")
    # A joiner is a letter of the name: dropping it would make another one of it.
    imported(account, "Name,Email\nسید\u200cعلی,ali@example.com\n")
    assert User.objects.get(email="ali@example.com").name == "سید\u200cعلی"


@pytest.mark.parametrize(
    ("heading", "word", "state"),
    [
        ("State", "DEPROVISIONED", "deleted"),
        ("State", "Terminated", "deleted"),
        ("Status", "Archived", "deleted"),
        ("Status", "LOCKED_OUT", "active"),
        ("Status", "PASSWORD_EXPIRED", "active"),
        ("Status", "supprimée", "deleted"),
        ("Status", "gelöscht", "deleted"),
        ("Status", "退職", "deleted"),
        ("Account enabled", "TRUE", "active"),
        ("Deleted", "1", "deleted"),
        ("Deleted", "0", "active"),
        ("Active", "No", "deleted"),
        ("Aktiv", "ja", "active"),
        ("Suspended", "false", "active"),
        # Whoever only cannot sign in is not added.
        ("Status", "Suspended", None),
        ("Status", "STAGED", None),
        ("Account enabled", "False", None),
        ("Block credential", "True", None),
        ("Status", "beurlaubt", None),
    ],
)
def test_states_by_the_words_of_real_exports(account, heading, word, state):
    log = imported(account, f"Name,Email,{heading}\nNora Quill,{NORA},{word}\n")
    assert bad_rows(log) == []
    assert list(User.objects.filter(account=account).values_list("state", flat=True)) == ([state] if state else [])


def test_a_word_that_no_list_has_is_a_bad_row(account):
    log = imported(account, f"Name,Email,Status\nNora Quill,{NORA},Gold card\n")
    assert [line for line, _reason in bad_rows(log)] == [2]
    # Yes and no answer a question, and this heading asks none.
    log = imported(account, f"Name,Email,Status\nNora Quill,{NORA},Yes\n")
    assert [line for line, _reason in bad_rows(log)] == [2]
