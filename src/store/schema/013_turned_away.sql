-- Version 13: customers who are kept from a provider because the newest record has no valid key for it. Before, only the run
-- that compared the record told of it.
--
-- turned_away  `field` is the code of the part of the key that is not valid. Somebody who never had an account has no row in
--              `account` that could say so. Customers may be written after what is said of them (blocks).

CREATE TABLE turned_away (
    customer INTEGER NOT NULL REFERENCES customer (id) DEFERRABLE INITIALLY DEFERRED,
    provider INTEGER NOT NULL,
    field    INTEGER NOT NULL CHECK (field BETWEEN 0 AND 4294967295),
    PRIMARY KEY (customer, provider)
) STRICT, WITHOUT ROWID;
