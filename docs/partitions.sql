-- Enrolments, sign-ins and the mail log by month: psql -1 -v ON_ERROR_STOP=1 -f docs/partitions.sql
-- (docs/postgresql.md says what it gives up). In one transaction, during which nobody uses these tables; it needs room for
-- a second copy of them. What is partitioned already is left as it is: run it again each month, or from cron, for the
-- partitions of the months to come.
DO $recipe$
DECLARE
    places constant text[] := ARRAY['learning_enrolment', 'users_loginevent', 'messaging_maillog'];
    moments constant text[] := ARRAY['enrolled_at', 'at', 'sent_at'];
    months_ahead constant int := 3;
    place text;
    moment text;
    begins date;
    ends date;
    indexes text[];
    keys text[];
    each text;
    pointing record;
BEGIN
    FOR turn IN 1 .. array_length(places, 1) LOOP
        place := places[turn];
        moment := moments[turn];
        IF (SELECT relkind FROM pg_class WHERE oid = place::regclass) = 'r' THEN
            -- What the table has, as statements that work under the same name again. A unique index would have to hold the
            -- month as well: it becomes one that is not.
            SELECT array_agg(replace(pg_get_indexdef(indexrelid), 'CREATE UNIQUE INDEX', 'CREATE INDEX') ORDER BY 1)
                INTO indexes FROM pg_index WHERE indrelid = place::regclass AND NOT indisprimary;
            SELECT array_agg(format('ALTER TABLE %I ADD CONSTRAINT %I %s', place, conname, pg_get_constraintdef(oid)))
                INTO keys FROM pg_constraint WHERE conrelid = place::regclass AND contype = 'f';
            -- A foreign key needs a unique number, which no partitioned table can promise.
            FOR pointing IN SELECT conrelid::regclass AS at, conname AS name FROM pg_constraint
                            WHERE confrelid = place::regclass AND contype = 'f' LOOP
                EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', pointing.at, pointing.name);
            END LOOP;

            EXECUTE format('ALTER TABLE %I RENAME TO %I', place, place || '_whole');
            EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS) PARTITION BY RANGE (%I)',
                place, place || '_whole', moment);
            EXECUTE format('CREATE TABLE %I PARTITION OF %I DEFAULT', place || '_other', place);
            EXECUTE format('SELECT date_trunc(''month'', coalesce(min(%I), now()))::date FROM %I', moment, place || '_whole')
                INTO begins;
        ELSE
            indexes := NULL;
            keys := NULL;
            begins := date_trunc('month', now())::date;
        END IF;

        WHILE begins <= now() + make_interval(months => months_ahead) LOOP
            ends := begins + interval '1 month';
            EXECUTE format('CREATE TABLE IF NOT EXISTS %I PARTITION OF %I FOR VALUES FROM (%L) TO (%L)',
                place || to_char(begins, '_YYYY_MM'), place, begins, ends);
            begins := ends;
        END LOOP;

        IF to_regclass(place || '_whole') IS NOT NULL THEN
            EXECUTE format('INSERT INTO %I SELECT * FROM %I', place, place || '_whole');
            EXECUTE format('CREATE SEQUENCE %I OWNED BY %I.id', place || '_numbers', place);
            EXECUTE format('SELECT setval(%L, coalesce(max(id), 0) + 1, false) FROM %I', place || '_numbers', place);
            EXECUTE format('ALTER TABLE %I ALTER id SET DEFAULT nextval(%L)', place, place || '_numbers');
            EXECUTE format('DROP TABLE %I', place || '_whole');
            EXECUTE format('ALTER TABLE %I ADD PRIMARY KEY (id, %I)', place, moment);
            FOREACH each IN ARRAY coalesce(indexes, '{}') || coalesce(keys, '{}') LOOP
                EXECUTE each;
            END LOOP;
            EXECUTE format('ANALYZE %I', place);
        END IF;
    END LOOP;
END
$recipe$;
