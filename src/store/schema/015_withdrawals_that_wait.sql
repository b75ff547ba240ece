-- Version 15: withdrawn consents among the calls that wait, however many others wait too: they leave first, and to look for
-- them among all of these at each lease would be to read all of these.

CREATE INDEX call_withdrawal ON call (provider, due, id) WHERE state IN ('waiting', 'probing') AND priority = 0;
