-- Models whose sounds have stopped, told by one process to the others.

-- name: listen_to_doubts
-- Hear of every model that a worker finds silent, from now on.
LISTEN tritone_doubts;

-- name: tell_doubt
-- Say that a model makes no sound any more.
SELECT pg_notify('tritone_doubts', %(model)s);
