-- What a mart was made of, by which the next one finds what changed since.
-- Digests of the program and the rules, and the landed files by dataset.
create table made_of (kind varchar, name varchar, digest varchar);
-- Lines of a landed file of charges by the days they touch: the day they start, the first and the last day
-- of the span they are cut over. A digest is the sum of the hashes of its lines.
create table landed_spans (path varchar, starts_on date, first_on date, last_on date, lines bigint, digest hugeint);
-- Files of bills that a landed file has lines of.
create table landed_files (path varchar, source varchar, source_file varchar);
