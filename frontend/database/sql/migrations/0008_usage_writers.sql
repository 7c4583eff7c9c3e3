-- Which batch of counts each process has written last. A batch whose commit was not heard of is
-- written again, and counts once.

CREATE TABLE tritone_usage_writers (
    id uuid PRIMARY KEY,                    -- of a process, drawn at its start
    batch bigint NOT NULL,                  -- the last one it has written, from 1
    written_at timestamptz NOT NULL DEFAULT now()
);
