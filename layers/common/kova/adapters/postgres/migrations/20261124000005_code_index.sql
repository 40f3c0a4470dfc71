-- migrate:up

-- The files of each repository's default branch, as they were indexed last.
CREATE TABLE code_files (
    repository_id uuid NOT NULL REFERENCES repositories ON DELETE CASCADE,
    path text NOT NULL,
    blob_sha text NOT NULL,
    PRIMARY KEY (repository_id, path)
);
CREATE INDEX code_files_by_blob ON code_files (repository_id, blob_sha);

-- Chunks hang on the blob: a renamed file keeps them, a changed one gets others. `length` is the
-- number of its terms, `grams` that of the three-letter groups of its name.
CREATE TABLE code_chunks (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    repository_id uuid NOT NULL REFERENCES repositories ON DELETE CASCADE,
    blob_sha text NOT NULL,
    name text NOT NULL,
    start_line integer NOT NULL,
    content text NOT NULL,
    length integer NOT NULL,
    grams integer NOT NULL,
    UNIQUE (repository_id, blob_sha, start_line, name)
);

-- Terms of the whole chunk, and groups of its name with `~` before them.
CREATE TABLE code_terms (
    repository_id uuid NOT NULL,
    term text NOT NULL,
    chunk_id bigint NOT NULL REFERENCES code_chunks ON DELETE CASCADE,
    count integer NOT NULL CHECK (count > 0),
    PRIMARY KEY (repository_id, term, chunk_id)
);
CREATE INDEX code_terms_of_chunk ON code_terms (chunk_id);

-- migrate:down

DROP TABLE code_terms, code_chunks, code_files;
