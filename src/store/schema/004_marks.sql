-- Version 4: what is remembered of the last accepted records (domain/mark.rs) moves out of `customer` into 256 buckets
-- by the first byte of the key's mark, so that a night that changes nothing reads a few hundred packed rows instead of
-- looking every customer up.
--
-- mark          packed and sorted by key: 16 bytes of key, 16 of the record, for each customer of the bucket;
-- mark_meaning  16 bytes of meaning for each customer, in the same order;
-- mark_change   what came after the bucket was packed; replaces or adds.
--
-- The setting `marks` says that every customer has a mark. Where it is missing, the next opening makes empty ones.

ALTER TABLE customer DROP COLUMN digest;

CREATE TABLE mark (
    bucket INTEGER PRIMARY KEY CHECK (bucket BETWEEN 0 AND 255),
    packed BLOB NOT NULL CHECK (length(packed) % 32 = 0)
) STRICT;

CREATE TABLE mark_meaning (
    bucket INTEGER PRIMARY KEY REFERENCES mark (bucket),
    packed BLOB NOT NULL CHECK (length(packed) % 16 = 0)
) STRICT;

CREATE TABLE mark_change (
    bucket  INTEGER NOT NULL CHECK (bucket BETWEEN 0 AND 255),
    key     BLOB NOT NULL CHECK (length(key) = 16),
    record  BLOB NOT NULL CHECK (length(record) = 16),
    meaning BLOB NOT NULL CHECK (length(meaning) = 16),
    PRIMARY KEY (bucket, key)
) STRICT, WITHOUT ROWID;
