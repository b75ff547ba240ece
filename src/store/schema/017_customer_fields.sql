-- Version 17: of which fields the records of a customer have told something, so that a file without the columns of some of them
-- leaves those alone, whatever columns the files of other customers have.
--
-- customer.told_fields  one bit for each field; the setting `field_numbers` says which bit is whose, the lowest one first. NULL:
--                       nobody knows, because no complete input had the customer since this version.

ALTER TABLE customer ADD COLUMN told_fields BLOB;
