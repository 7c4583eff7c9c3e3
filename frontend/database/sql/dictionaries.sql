-- Pronunciation dictionaries: made, shown, changed. An owner sees nobody else's.

-- name: insert_dictionary
-- Keep a new dictionary, where its owner has room for it.
INSERT INTO tritone_dictionaries (id, owner, name, description)
SELECT %(id)s, %(owner)s, %(name)s, %(description)s
WHERE (SELECT count(*) FROM tritone_dictionaries WHERE owner = %(owner)s) < %(limit)s
ON CONFLICT DO NOTHING;

-- name: insert_dictionary_version
-- Keep a version; one that is there already is the same.
INSERT INTO tritone_dictionary_versions (id, dictionary_id, rules, n_rules)
VALUES (%(version_id)s, %(id)s, %(rules)s, %(n_rules)s)
ON CONFLICT DO NOTHING;

-- name: forget_old_versions
-- Keep so many of a dictionary's newest versions.
DELETE FROM tritone_dictionary_versions WHERE id IN (
    SELECT id FROM tritone_dictionary_versions WHERE dictionary_id = %(id)s
    ORDER BY seq DESC OFFSET %(limit)s
);

-- name: lock_dictionary
-- Keep others from changing a dictionary until the end of the transaction.
SELECT id FROM tritone_dictionaries WHERE id = %(id)s AND owner = %(owner)s FOR UPDATE;

-- name: find_dictionary
-- Return a dictionary with one of its versions, the latest where none is named.
SELECT dictionary.*, version.id AS version_id, version.n_rules, version.rules
FROM tritone_dictionaries AS dictionary
JOIN tritone_dictionary_versions AS version ON version.dictionary_id = dictionary.id
WHERE dictionary.id = %(id)s AND dictionary.owner = %(owner)s
    AND (%(version_id)s::text IS NULL OR version.id = %(version_id)s)
ORDER BY version.seq DESC
LIMIT 1;

-- name: list_dictionaries
-- Return an owner's dictionaries, without their rules, the newest first.
SELECT dictionary.*, version.id AS version_id, version.n_rules
FROM tritone_dictionaries AS dictionary
CROSS JOIN LATERAL (
    SELECT id, n_rules FROM tritone_dictionary_versions
    WHERE dictionary_id = dictionary.id
    ORDER BY seq DESC LIMIT 1
) AS version
WHERE dictionary.owner = %(owner)s
ORDER BY dictionary.created_at DESC, dictionary.id;

-- name: update_dictionary
-- Rename, archive or take out of the archive; null leaves it as it is.
UPDATE tritone_dictionaries SET
    name = coalesce(%(name)s, name),
    archived_at = CASE
        WHEN %(archived)s::boolean IS NULL THEN archived_at
        WHEN %(archived)s THEN coalesce(archived_at, now())
    END
WHERE id = %(id)s AND owner = %(owner)s
RETURNING id;
