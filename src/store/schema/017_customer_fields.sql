-- Version 17: of which fields the records of a customer have told something, so that a file without the columns of some of them
-- leaves those alone, whatever columns the files of other customers have.
--
-- customer.told_fields  one bit for each field; the setting `field_numbers` says which bit is whose. Before them, the lowest bit: was
--                       a complete input among what told it, or may the CRM have more. NULL: by no input since this version.

ALTER TABLE customer ADD COLUMN told_fields BLOB;
