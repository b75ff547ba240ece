-- Version 9: order values that rose stand beside the customers until there are so many that writing them there pays.
-- One customer in a hundred has a newer one each night, and in its own row each of them writes a page anew.
--
-- newer_order  the newest accepted order value of a customer, where it is not in `customer` yet; of two the higher one counts.

CREATE TABLE newer_order (
    customer    INTEGER PRIMARY KEY REFERENCES customer (id),
    order_value INTEGER NOT NULL
) STRICT;
