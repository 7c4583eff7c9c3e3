-- Jobs as lists show them: of a long text its beginning, so that a page of them stays small.

CREATE VIEW tritone_listed_jobs AS
SELECT
    id, seq, owner, contract, labels, status, attempt, strikes, cancel_requested, steps_done, steps,
    result, error, created_at, updated_at, started_at, finished_at, traceparent,
    CASE
        WHEN request -> 'speech' IS NULL OR octet_length(request::text) <= 8192 THEN request
        ELSE jsonb_set(
            jsonb_set(
                request::jsonb, '{speech,text}', to_jsonb(left(request #>> '{speech,text}', 1000))
            ),
            '{speech,pronunciations}', '[]'
        )::json
    END AS request,
    length(request #>> '{speech,text}') AS characters   -- of the whole text; null: a sound
FROM tritone_jobs;
