"""The tables of a new installation, made at once. A database of an earlier release goes through the migrations that
this one stands for, with what they do to its rows."""

import uuid
from importlib import import_module

import django.db.models.deletion
import django.utils.timezone
from django.conf import settings
from django.db import migrations, models

import purge.hashing

begin_with_periods = import_module("purge.migrations.0035_evidence_of_new_installations").begin_with_periods


class Migration(migrations.Migration):
    replaces = [
        ("purge", "0001_initial"),
        ("purge", "0002_initial"),
        ("purge", "0003_compacted_at"),
        ("purge", "0004_installation"),
        ("purge", "0005_file_readings"),
        ("purge", "0006_begins_when_it_may"),
        ("purge", "0007_rows_beyond_the_plan"),
        ("purge", "0008_lease"),
        ("purge", "0009_residue_row_names"),
        ("purge", "0010_normal_forms"),
        ("purge", "0011_worker_trouble"),
        ("purge", "0012_suppression_by_person"),
        ("purge", "0013_counts_of_the_own_account"),
        ("purge", "0014_where_identifiers_count"),
        ("purge", "0015_journal"),
        ("purge", "0016_drop_impact_shown"),
        ("purge", "0017_step_words_unused"),
        ("purge", "0018_identifier_sets"),
        ("purge", "0019_unopened_files"),
        ("purge", "0020_await_the_pass"),
        ("purge", "0021_say_email"),
        ("purge", "0022_rows_of_other_accounts"),
        ("purge", "0023_possible_mentions"),
        ("purge", "0024_space_horizon"),
        ("purge", "0025_asked_again"),
        ("purge", "0026_server_seen"),
        ("purge", "0027_checked_again"),
        ("purge", "0028_ids_unsought"),
        ("purge", "0029_releases"),
        ("purge", "0030_how_thoroughly"),
        ("purge", "0031_to_dos_marked"),
        ("purge", "0032_files_in_buckets"),
        ("purge", "0033_evidence"),
        ("purge", "0034_register"),
        ("purge", "0035_evidence_of_new_installations"),
        ("purge", "0036_batches"),
        ("purge", "0037_standstill"),
    ]

    initial = True

    dependencies = [
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="EvidencePeriod",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=20, unique=True)),
                ("days", models.PositiveIntegerField(null=True)),
                ("decided_at", models.DateTimeField(null=True)),
            ],
        ),
        migrations.CreateModel(
            name="JournalChain",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=120, unique=True)),
                ("offset", models.BigIntegerField(default=0)),
                ("seq", models.BigIntegerField(default=0)),
                ("digest", models.CharField(blank=True, default="", max_length=64)),
                ("read_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="Lease",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=40, unique=True)),
                ("owner", models.UUIDField(null=True)),
                ("until", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="PatrolPass",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("started_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("finished_at", models.DateTimeField(null=True)),
                ("columns", models.PositiveIntegerField(default=0)),
                ("requests", models.PositiveIntegerField(default=0)),
                ("hits", models.PositiveIntegerField(default=0)),
                ("unopened", models.PositiveIntegerField(db_default=0, default=0)),
                ("armed_by", models.CharField(blank=True, db_default="", default="", max_length=64)),
                ("earlier", models.PositiveIntegerField(db_default=0, default=0)),
                ("left_out", models.PositiveIntegerField(db_default=0, default=0)),
                (
                    "verdict",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("clean", "Clean"),
                            ("unopened", "Nothing found; files could not be opened"),
                            ("residue", "Residue"),
                            ("could_not_look", "Could not look"),
                        ],
                        default="",
                        max_length=20,
                    ),
                ),
            ],
        ),
        migrations.CreateModel(
            name="RestoreDrill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("seconds", models.PositiveIntegerField(default=0)),
                ("backup_at", models.DateTimeField(null=True)),
                ("purges", models.PositiveIntegerField(default=0)),
                ("back", models.PositiveIntegerField(default=0)),
                ("left", models.PositiveIntegerField(default=0)),
                ("undecided", models.PositiveIntegerField(default=0)),
                ("cannot_tell", models.PositiveIntegerField(default=0)),
                ("passed", models.BooleanField(default=False)),
            ],
            options={
                "ordering": ("-at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="Standstill",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("code", models.CharField(max_length=20, unique=True)),
                ("since", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="WorkerBeat",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=60, unique=True)),
                ("trouble", models.CharField(blank=True, default="", max_length=20)),
                ("beat_at", models.DateTimeField()),
                ("since", models.DateTimeField(default=django.utils.timezone.now)),
            ],
        ),
        migrations.CreateModel(
            name="EvidenceCount",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("account_id", models.BigIntegerField(null=True)),
                ("month", models.DateField()),
                (
                    "route",
                    models.CharField(
                        choices=[
                            ("ui_enterprise", "Users of an enterprise account"),
                            ("ui_trial", "Users of a trial account"),
                            ("other_enterprise", "Other user, enterprise account"),
                            ("other_trial", "Other user, trial account"),
                            ("ims_enterprise", "Identity provider, enterprise accounts"),
                            ("ims_trial", "Identity provider, trial accounts"),
                        ],
                        max_length=20,
                    ),
                ),
                ("accepted", models.PositiveIntegerField(default=0)),
                ("completed", models.PositiveIntegerField(default=0)),
                ("late", models.PositiveIntegerField(default=0)),
                ("cancelled", models.PositiveIntegerField(default=0)),
                ("found", models.PositiveIntegerField(default=0)),
                ("people", models.PositiveBigIntegerField(default=0)),
                ("own", models.PositiveBigIntegerField(default=0)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("account_id__isnull", False)),
                        fields=("account_id", "month", "route"),
                        name="purge_evidence_count_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("account_id", None)),
                        fields=("month", "route"),
                        name="purge_evidence_count_of_nobody_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Installation",
            fields=[
                ("id", models.UUIDField(default=uuid.uuid4, editable=False, primary_key=True, serialize=False)),
                ("only", models.BooleanField(default=True, editable=False, unique=True)),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("storage_mark", models.UUIDField(editable=False, null=True)),
                ("storage_marked_at", models.DateTimeField(editable=False, null=True)),
                ("copy_of", models.UUIDField(editable=False, null=True)),
                ("copied_at", models.DateTimeField(editable=False, null=True)),
                (
                    "server_system",
                    models.CharField(blank=True, db_default="", default="", editable=False, max_length=20),
                ),
                (
                    "server_timeline",
                    models.CharField(blank=True, db_default="", default="", editable=False, max_length=8),
                ),
                ("server_changed_at", models.DateTimeField(editable=False, null=True)),
                ("restored_at", models.DateTimeField(editable=False, null=True)),
                ("releases", models.CharField(blank=True, db_default="", default="", editable=False, max_length=400)),
            ],
            options={
                "constraints": [
                    models.CheckConstraint(condition=models.Q(("only", True)), name="purge_one_installation")
                ],
            },
        ),
        migrations.CreateModel(
            name="JournalAlarm",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("unknown", "A purge that this database does not know"),
                            ("behind", "A purge that had come further"),
                            ("missing", "A part of the purge log that is not there"),
                            ("damaged", "A part of the purge log that cannot be read"),
                        ],
                        max_length=10,
                    ),
                ),
                ("chain", models.CharField(max_length=120)),
                ("seq", models.BigIntegerField()),
                ("reference", models.CharField(blank=True, db_index=True, default="", max_length=16)),
                ("event", models.CharField(blank=True, default="", max_length=20)),
                ("number", models.PositiveIntegerField(default=0)),
                ("found_at", models.DateTimeField(default=django.utils.timezone.now)),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("kind", "chain", "seq"), name="purge_journal_alarm_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="PurgeRequest",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("reference", models.CharField(max_length=16, unique=True, verbose_name="request ID")),
                (
                    "route",
                    models.CharField(
                        choices=[
                            ("ui_enterprise", "Users of an enterprise account"),
                            ("ui_trial", "Users of a trial account"),
                            ("other_enterprise", "Other user, enterprise account"),
                            ("other_trial", "Other user, trial account"),
                            ("ims_enterprise", "Identity provider, enterprise accounts"),
                            ("ims_trial", "Identity provider, trial accounts"),
                        ],
                        max_length=20,
                        verbose_name="route",
                    ),
                ),
                (
                    "origin",
                    models.CharField(
                        choices=[
                            ("admin", "Admin"),
                            ("command", "Command line"),
                            ("rule", "Rule"),
                            ("ims", "Identity provider"),
                            ("elsewhere", "Split off: other accounts"),
                            ("replay", "Asked again after a restore"),
                        ],
                        max_length=10,
                        verbose_name="came by",
                    ),
                ),
                ("account_id", models.BigIntegerField(db_index=True, null=True, verbose_name="account")),
                (
                    "reach",
                    models.CharField(
                        choices=[
                            ("everywhere", "All accounts of the route"),
                            ("own", "The requesting account only"),
                            ("others", "All accounts of the route but the requesting one"),
                        ],
                        default="everywhere",
                        max_length=10,
                        verbose_name="reach",
                    ),
                ),
                (
                    "status",
                    models.CharField(
                        choices=[
                            ("held", "Held"),
                            ("queued", "Queued"),
                            ("running", "Running"),
                            ("verifying", "Verifying"),
                            ("erased", "Erased, final check to come"),
                            ("completed", "Completed"),
                            ("residue", "Residue found"),
                            ("needs_attention", "Needs attention"),
                            ("cancelled", "Cancelled"),
                        ],
                        default="queued",
                        max_length=20,
                        verbose_name="status",
                    ),
                ),
                ("token", models.UUIDField(editable=False, null=True, unique=True, verbose_name="form token")),
                (
                    "external_reference",
                    models.CharField(max_length=200, null=True, verbose_name="reference of the sender"),
                ),
                ("policy", models.JSONField(default=dict, verbose_name="policy when accepted")),
                ("key_fingerprint", models.CharField(max_length=16, verbose_name="fingerprint of the hash key")),
                ("accepted_at", models.DateTimeField(default=django.utils.timezone.now, verbose_name="accepted")),
                ("due_at", models.DateTimeField(verbose_name="due")),
                ("started_at", models.DateTimeField(null=True, verbose_name="started")),
                ("progress_at", models.DateTimeField(null=True, verbose_name="last progress")),
                ("verified_at", models.DateTimeField(null=True, verbose_name="verified")),
                ("patrolled_at", models.DateTimeField(null=True, verbose_name="clean patrol")),
                ("completed_at", models.DateTimeField(null=True, verbose_name="completed")),
                ("half_time_told_at", models.DateTimeField(null=True)),
                ("overdue_told_at", models.DateTimeField(null=True)),
                ("held_reason", models.CharField(blank=True, default="", max_length=40, verbose_name="why it waits")),
                (
                    "replays",
                    models.CharField(
                        blank=True, db_default="", db_index=True, default="", editable=False, max_length=16
                    ),
                ),
                ("first_accepted_at", models.DateTimeField(editable=False, null=True, verbose_name="first accepted")),
                ("first_due_at", models.DateTimeField(editable=False, null=True, verbose_name="first due")),
                ("released_at", models.DateTimeField(null=True, verbose_name="released")),
                ("begun_by", models.CharField(blank=True, db_default="", default="", editable=False, max_length=16)),
                ("fence", models.BigIntegerField(default=0)),
                ("lease_until", models.DateTimeField(null=True)),
                ("attempts", models.PositiveIntegerField(default=0, verbose_name="attempts")),
                ("crashes", models.PositiveIntegerField(default=0)),
                ("verifications", models.PositiveIntegerField(default=0)),
                ("next_attempt_at", models.DateTimeField(null=True)),
                ("error_class", models.CharField(blank=True, default="", max_length=80, verbose_name="error")),
                (
                    "error_step",
                    models.CharField(blank=True, default="", max_length=120, verbose_name="step of the error"),
                ),
                ("files_locked_until", models.DateTimeField(editable=False, null=True)),
                ("planned", models.BooleanField(default=False)),
                ("reopened", models.BooleanField(default=False)),
                ("compacted_at", models.DateTimeField(editable=False, null=True)),
                ("horizon", models.BigIntegerField(editable=False, null=True)),
                ("selected_count", models.PositiveIntegerField(default=0)),
                ("other_account_count", models.PositiveIntegerField(default=0)),
                ("other_row_count", models.BigIntegerField(db_default=0, default=0)),
                ("kept_count", models.PositiveIntegerField(default=0)),
                ("rows_planned", models.BigIntegerField(default=0)),
                ("rows_done", models.BigIntegerField(default=0)),
                ("people_left", models.PositiveIntegerField(default=0)),
                ("steps_left", models.PositiveIntegerField(default=0)),
                ("residue_left", models.PositiveIntegerField(default=0)),
                ("ids_unsought", models.PositiveIntegerField(db_default=0, default=0, editable=False)),
                (
                    "initiator",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                        verbose_name="initiator",
                    ),
                ),
                (
                    "part_of",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="parts",
                        to="purge.purgerequest",
                        verbose_name="split off from",
                    ),
                ),
            ],
            options={
                "verbose_name": "purge request",
                "verbose_name_plural": "purge requests",
                "ordering": ("-accepted_at", "-id"),
                "permissions": (
                    ("purge_people", "Can purge deleted users"),
                    ("follow_requests", "Can follow the purge requests of every account"),
                    ("operate_requests", "Can release, retry and cancel purge requests of every account"),
                ),
                "indexes": [
                    models.Index(fields=["status", "next_attempt_at"], name="purge_request_claim"),
                    models.Index(fields=["account_id", "-accepted_at"], name="purge_request_account"),
                    models.Index(fields=["account_id", "-completed_at"], name="purge_request_completed"),
                    models.Index(fields=["-accepted_at", "-id"], name="purge_request_all"),
                    models.Index(fields=["-completed_at", "-id"], name="purge_request_all_completed"),
                    models.Index(
                        condition=models.Q(("completed_at__gt", models.F("due_at"))),
                        fields=["account_id"],
                        name="purge_request_late",
                    ),
                    models.Index(
                        condition=models.Q(("compacted_at", None)), fields=["id"], name="purge_request_uncompacted"
                    ),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("status", "completed"), _negated=True),
                            models.Q(
                                ("completed_at__isnull", False),
                                ("people_left", 0),
                                ("planned", True),
                                ("residue_left", 0),
                                ("steps_left", 0),
                                ("verified_at__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="purge_completed_only_when_proved",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("status", "cancelled"), _negated=True),
                        fields=("external_reference",),
                        name="purge_external_reference_once",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(
                                ("account_id", None),
                                ("initiator", None),
                                ("origin", "elsewhere"),
                                ("part_of__isnull", False),
                                ("reach", "others"),
                                ("selected_count", 0),
                                ("token", None),
                            ),
                            models.Q(
                                models.Q(("origin", "elsewhere"), _negated=True),
                                models.Q(("reach", "others"), _negated=True),
                                ("part_of", None),
                            ),
                            _connector="OR",
                        ),
                        name="purge_part_belongs_to_no_account",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(("due_at__gte", models.F("accepted_at"))), name="purge_due_after_acceptance"
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="ImsNotice",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("account_id", models.BigIntegerField(db_index=True)),
                ("identifier", models.CharField(blank=True, default="", max_length=400)),
                (
                    "state",
                    models.CharField(
                        choices=[("open", "Open"), ("purged", "Purged"), ("declined", "Declined")],
                        default="open",
                        max_length=10,
                    ),
                ),
                ("due_at", models.DateTimeField()),
                ("created_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("closed_at", models.DateTimeField(null=True)),
                (
                    "closed_by",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "user",
                    models.ForeignKey(
                        blank=True,
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="notices", to="purge.purgerequest"
                    ),
                ),
            ],
            options={
                "verbose_name": "identity-provider notice",
                "verbose_name_plural": "identity-provider notices",
                "ordering": ("-created_at", "-id"),
                "constraints": [
                    models.UniqueConstraint(fields=("request", "account_id", "user"), name="purge_notice_once"),
                    models.CheckConstraint(
                        condition=models.Q(("state", "open"), ("identifier", ""), _connector="OR"),
                        name="purge_closed_notice_names_nobody",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="IdentifierSet",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("person_id", models.BigIntegerField(null=True)),
                ("account_id", models.BigIntegerField(null=True)),
                ("everywhere", models.BinaryField(default=b"")),
                ("there", models.BinaryField(default=b"")),
                ("names", models.BinaryField(db_default=b"", default=b"")),
                ("kinds", models.JSONField(default=dict)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="identifier_sets",
                        to="purge.purgerequest",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("person_id__isnull", False)),
                        fields=("request", "person_id"),
                        name="purge_identifier_set_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("person_id", None)),
                        fields=("request",),
                        name="purge_identifier_set_of_nobody_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="Identifier",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("email", "Email address"),
                            ("login", "Login"),
                            ("unique_id", "Unique User ID"),
                            ("public_id", "Public id"),
                        ],
                        max_length=10,
                    ),
                ),
                ("value", models.CharField(max_length=400)),
                ("form", models.CharField(default=purge.hashing.current_form, max_length=40)),
                ("person_id", models.BigIntegerField(null=True)),
                ("account_id", models.BigIntegerField(null=True)),
                ("local", models.BooleanField(default=False)),
                ("match", models.BooleanField(default=True)),
                ("written", models.TextField(db_default="", default="")),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="identifiers", to="purge.purgerequest"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("account_id", None)),
                        fields=("request", "kind", "value"),
                        name="purge_identifier_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("account_id__isnull", False)),
                        fields=("request", "kind", "value", "account_id"),
                        name="purge_identifier_once_there",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="FollowUp",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("kind", models.CharField(max_length=40)),
                ("account_id", models.BigIntegerField(db_index=True)),
                ("model", models.CharField(max_length=100)),
                ("row", models.BigIntegerField()),
                ("done_at", models.DateTimeField(null=True)),
                (
                    "marked",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("by_hand", "done in another way"),
                            ("not_needed", "not needed any more"),
                            ("elsewhere", "somebody else takes care of it"),
                        ],
                        db_default="",
                        default="",
                        max_length=20,
                    ),
                ),
                (
                    "done_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="follow_ups", to="purge.purgerequest"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("request", "kind", "model", "row"), name="purge_follow_up_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="FileReading",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("model", models.CharField(max_length=100)),
                ("after", models.BigIntegerField()),
                ("upto", models.BigIntegerField()),
                ("digest", models.CharField(max_length=64)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="file_readings",
                        to="purge.purgerequest",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("request", "model", "after"), name="purge_reading_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Established",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "store",
                    models.CharField(
                        choices=[
                            ("rows", "Database rows"),
                            ("texts", "Texts in the database"),
                            ("statistics", "Database statistics"),
                            ("space", "Disk space of the database"),
                            ("files", "Stored files"),
                            ("cache", "Cache, sessions and queue"),
                            ("purge_log", "Purge log"),
                            ("applications", "Outside applications"),
                        ],
                        max_length=20,
                    ),
                ),
                (
                    "level",
                    models.CharField(
                        choices=[
                            ("record_gone", "record gone"),
                            ("texts_searched", "texts searched"),
                            ("statistics_cleared", "database statistics cleared"),
                            ("space_overwritten", "disk space overwritten"),
                            ("outside", "outside this system"),
                        ],
                        max_length=20,
                    ),
                ),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="established", to="purge.purgerequest"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("request", "store"), name="purge_established_once")],
            },
        ),
        migrations.CreateModel(
            name="DoomedFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("name", models.CharField(max_length=400)),
                ("erased_at", models.DateTimeField(null=True)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="files", to="purge.purgerequest"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("request", "name"), name="purge_file_once")],
            },
        ),
        migrations.CreateModel(
            name="LedgerEntry",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("event", models.CharField(max_length=60)),
                ("facts", models.JSONField(default=dict)),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="ledger", to="purge.purgerequest"
                    ),
                ),
            ],
            options={
                "verbose_name": "ledger entry",
                "verbose_name_plural": "ledger",
                "ordering": ("id",),
            },
        ),
        migrations.CreateModel(
            name="LookUp",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("account_id", models.BigIntegerField(null=True)),
                ("digest", models.CharField(max_length=32)),
                ("form", models.CharField(default=purge.hashing.current_form, max_length=40)),
                ("found", models.PositiveIntegerField(default=0)),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "indexes": [models.Index(fields=["account_id", "-at", "-id"], name="purge_look_ups_of_account")],
            },
        ),
        migrations.CreateModel(
            name="NotCovered",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("standby", "standby"),
                            ("slot", "replication slot"),
                            ("archive", "archive"),
                            ("server", "what the server tells of copies"),
                            ("log", "write-ahead log"),
                            ("statements", "log of statements"),
                            ("statistic", "statistics that could not be read"),
                            ("cache", "cache outside of the database"),
                            ("sessions", "sessions outside of the database"),
                            ("application", "outside application"),
                        ],
                        max_length=20,
                    ),
                ),
                ("name", models.CharField(blank=True, default="", max_length=200)),
                ("number", models.BigIntegerField(default=0)),
                ("account_id", models.BigIntegerField(null=True)),
                ("active_at", models.DateTimeField(null=True)),
                ("seen_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="not_covered", to="purge.purgerequest"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("request", "kind", "name", "number"), name="purge_not_covered_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="PossibleMention",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("table", models.CharField(max_length=128)),
                ("column", models.CharField(max_length=128)),
                ("row", models.CharField(max_length=64)),
                ("account_id", models.BigIntegerField()),
                ("found_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="possible_mentions",
                        to="purge.purgerequest",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("request", "table", "column", "row"), name="purge_possible_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="PurgeStep",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("position", models.PositiveIntegerField()),
                ("key", models.CharField(max_length=160)),
                ("words", models.CharField(db_default="", default="", max_length=200)),
                ("planned", models.BigIntegerField(default=0)),
                ("late", models.BigIntegerField(db_default=0, default=0)),
                ("done", models.BigIntegerField(default=0)),
                ("own_planned", models.BigIntegerField(db_default=0, default=0)),
                ("own_done", models.BigIntegerField(db_default=0, default=0)),
                ("cursor", models.BigIntegerField(default=0)),
                (
                    "state",
                    models.CharField(
                        choices=[("waiting", "Waiting"), ("done", "Done")], default="waiting", max_length=10
                    ),
                ),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="steps", to="purge.purgerequest"
                    ),
                ),
            ],
            options={
                "ordering": ("position",),
                "constraints": [models.UniqueConstraint(fields=("request", "key"), name="purge_step_once")],
            },
        ),
        migrations.CreateModel(
            name="ReachedRows",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("account_id", models.BigIntegerField()),
                ("model", models.CharField(max_length=100)),
                ("rows", models.BigIntegerField(default=0)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="reached", to="purge.purgerequest"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("request", "account_id", "model"), name="purge_reached_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="Residue",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("table", models.CharField(max_length=128)),
                ("column", models.CharField(max_length=128)),
                ("row", models.CharField(max_length=64)),
                (
                    "ruled",
                    models.BooleanField(
                        default=True, help_text="False: no rule treats this column; that has to be fixed."
                    ),
                ),
                ("found_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("gone_at", models.DateTimeField(null=True)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="residues", to="purge.purgerequest"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(fields=("request", "table", "column", "row"), name="purge_residue_once")
                ],
            },
        ),
        migrations.CreateModel(
            name="StaffNamesShown",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("at", models.DateTimeField(default=django.utils.timezone.now)),
                ("account_id", models.BigIntegerField(db_index=True, null=True)),
                ("first_day", models.DateField()),
                ("last_day", models.DateField()),
                ("people", models.PositiveIntegerField(default=0)),
                (
                    "actor",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "ordering": ("-at", "-id"),
            },
        ),
        migrations.CreateModel(
            name="Subject",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("person_id", models.BigIntegerField(db_index=True)),
                ("account_id", models.BigIntegerField()),
                (
                    "role",
                    models.CharField(
                        choices=[
                            ("selected", "Selected"),
                            ("match", "Match in a trial account"),
                            ("creator", "Creator of a trial account"),
                            ("member", "Member of a trial account whose creator goes"),
                            ("kept", "Kept: creator of a trial account"),
                        ],
                        max_length=10,
                    ),
                ),
                (
                    "fate",
                    models.CharField(
                        choices=[
                            ("waiting", "Waiting"),
                            ("erased", "Erased"),
                            ("gone", "Already gone"),
                            ("kept", "Kept"),
                            ("stuck", "Cannot be deleted"),
                            ("released", "Released"),
                        ],
                        default="waiting",
                        max_length=10,
                    ),
                ),
                ("earlier_state", models.CharField(blank=True, default="", max_length=20)),
                ("frozen_at", models.DateTimeField(null=True)),
                ("stuck_table", models.CharField(blank=True, default="", max_length=128)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="subjects", to="purge.purgerequest"
                    ),
                ),
            ],
            options={
                "constraints": [models.UniqueConstraint(fields=("request", "person_id"), name="purge_subject_once")],
            },
        ),
        migrations.CreateModel(
            name="SuppressionHash",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("person_id", models.BigIntegerField(null=True)),
                ("account_id", models.BigIntegerField(null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("email", "Email address"),
                            ("login", "Login"),
                            ("unique_id", "Unique User ID"),
                            ("public_id", "Public id"),
                        ],
                        max_length=10,
                    ),
                ),
                ("digest", models.CharField(db_index=True, max_length=32)),
                ("form", models.CharField(default=purge.hashing.current_form, max_length=40)),
                ("key_fingerprint", models.CharField(max_length=16)),
                ("local", models.BooleanField(default=False)),
                ("taken_out", models.BooleanField(default=True)),
                ("only_account_id", models.BigIntegerField(null=True)),
                ("match", models.BooleanField(default=False)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE, related_name="hashes", to="purge.purgerequest"
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        condition=models.Q(("only_account_id", None), ("person_id", None)),
                        fields=("request", "kind", "form", "digest"),
                        name="purge_hash_once",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("only_account_id__isnull", False), ("person_id", None)),
                        fields=("request", "kind", "form", "digest", "only_account_id"),
                        name="purge_hash_once_there",
                    ),
                    models.UniqueConstraint(
                        condition=models.Q(("person_id__isnull", False)),
                        fields=("request", "person_id", "kind", "form", "digest", "local"),
                        name="purge_hash_of_person_once",
                    ),
                ],
            },
        ),
        migrations.CreateModel(
            name="UnopenedFile",
            fields=[
                ("id", models.BigAutoField(auto_created=True, primary_key=True, serialize=False, verbose_name="ID")),
                ("table", models.CharField(max_length=128)),
                ("column", models.CharField(max_length=128)),
                ("row", models.BigIntegerField()),
                ("account_id", models.BigIntegerField(null=True)),
                (
                    "kind",
                    models.CharField(
                        choices=[
                            ("encrypted", "encrypted"),
                            ("damaged", "damaged"),
                            ("limit", "too large, or took too long"),
                            ("picture", "picture, scan, sound or film"),
                            ("unknown", "of a kind that is not read"),
                        ],
                        max_length=20,
                    ),
                ),
                ("erased", models.BooleanField(default=False)),
                ("found_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "request",
                    models.ForeignKey(
                        on_delete=django.db.models.deletion.CASCADE,
                        related_name="unopened_files",
                        to="purge.purgerequest",
                    ),
                ),
            ],
            options={
                "constraints": [
                    models.UniqueConstraint(
                        fields=("request", "table", "column", "row", "kind"), name="purge_unopened_once"
                    )
                ],
            },
        ),
        migrations.CreateModel(
            name="JournalMark",
            fields=[
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="journal_mark",
                        serialize=False,
                        to="purge.purgerequest",
                    ),
                ),
                ("reached", models.PositiveIntegerField(default=1)),
                ("written", models.PositiveIntegerField(default=0)),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
                ("chain", models.CharField(blank=True, default="", max_length=120)),
                ("seq", models.BigIntegerField(default=0)),
            ],
            options={
                "indexes": [
                    models.Index(
                        condition=models.Q(("written__lt", models.F("reached"))),
                        fields=["changed_at"],
                        name="purge_journal_behind",
                    ),
                    models.Index(fields=["chain", "seq"], name="purge_journal_line"),
                ],
            },
        ),
        migrations.CreateModel(
            name="RegisterNote",
            fields=[
                (
                    "request",
                    models.OneToOneField(
                        on_delete=django.db.models.deletion.CASCADE,
                        primary_key=True,
                        related_name="register_note",
                        serialize=False,
                        to="purge.purgerequest",
                    ),
                ),
                ("account_id", models.BigIntegerField()),
                (
                    "asked_by",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("person", "The person"),
                            ("hr", "HR"),
                            ("manager", "Manager"),
                            ("works_council", "Works council"),
                            ("authority", "Authority"),
                            ("ourselves", "Ourselves"),
                        ],
                        default="",
                        max_length=20,
                        verbose_name="asked by",
                    ),
                ),
                (
                    "basis",
                    models.CharField(
                        blank=True,
                        choices=[
                            ("no_longer_needed", "No longer needed (Art. 17(1)(a) GDPR)"),
                            ("consent_withdrawn", "Consent withdrawn (Art. 17(1)(b) GDPR)"),
                            ("objection", "Objection (Art. 17(1)(c) GDPR)"),
                            ("unlawful", "Processed unlawfully (Art. 17(1)(d) GDPR)"),
                            ("legal_obligation", "Legal obligation to erase (Art. 17(1)(e) GDPR)"),
                            ("child", "Collected from a child (Art. 17(1)(f) GDPR)"),
                            ("other_law", "Another law"),
                            ("contract", "Contract"),
                            ("own_policy", "Own retention policy"),
                        ],
                        default="",
                        max_length=20,
                        verbose_name="basis",
                    ),
                ),
                ("ticket", models.CharField(blank=True, default="", max_length=40, verbose_name="ticket")),
                ("received_on", models.DateField(blank=True, null=True, verbose_name="letter received on")),
                ("answer_by", models.DateField(editable=False, null=True, verbose_name="answer the person by")),
                ("reason", models.TextField(blank=True, default="", max_length=1000, verbose_name="reason")),
                ("changed_at", models.DateTimeField(default=django.utils.timezone.now)),
                (
                    "changed_by",
                    models.ForeignKey(
                        null=True,
                        on_delete=django.db.models.deletion.PROTECT,
                        related_name="+",
                        to=settings.AUTH_USER_MODEL,
                    ),
                ),
            ],
            options={
                "verbose_name": "note for the register",
                "verbose_name_plural": "notes for the register",
                "indexes": [
                    models.Index(fields=["account_id", "asked_by"], name="purge_note_asked_by"),
                    models.Index(fields=["account_id", "basis"], name="purge_note_basis"),
                    models.Index(fields=["account_id", "ticket"], name="purge_note_ticket"),
                    models.Index(fields=["account_id", "received_on"], name="purge_note_received"),
                ],
                "constraints": [
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("answer_by", None), ("received_on", None)),
                            models.Q(
                                ("answer_by__gt", models.F("received_on")),
                                ("answer_by__isnull", False),
                                ("received_on__isnull", False),
                            ),
                            _connector="OR",
                        ),
                        name="purge_note_has_both_dates",
                    ),
                    models.CheckConstraint(
                        condition=models.Q(
                            models.Q(("ticket__contains", "@"), _negated=True),
                            models.Q(("ticket__contains", " "), _negated=True),
                        ),
                        name="purge_note_ticket_is_no_address",
                    ),
                ],
            },
        ),
        migrations.RunPython(begin_with_periods, migrations.RunPython.noop),
    ]
