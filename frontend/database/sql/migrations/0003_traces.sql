-- The trace that a job was submitted in, so that its worker can continue it.

ALTER TABLE tritone_jobs ADD COLUMN traceparent text;
