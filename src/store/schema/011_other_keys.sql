-- Version 11: keys of customers beside those of their accounts, so that a call finds whoever else has its key.
--
-- other_key  a key that a call of the customer was made for while its account has another one, or (known = 1) one that it was
--            known under and gave up: who is known under a key exists at the provider, whatever becomes of the account.
--            `mark` is a keyed digest of the key.

CREATE TABLE other_key (
    provider INTEGER NOT NULL,
    mark     BLOB NOT NULL CHECK (length(mark) = 16),
    customer INTEGER NOT NULL REFERENCES customer (id),
    known    INTEGER NOT NULL CHECK (known = 0 OR known = 1),
    PRIMARY KEY (provider, mark, customer)
) STRICT, WITHOUT ROWID;
