-- Tables the engine fills before the models run: the configuration and the manifest's facts.
create table parameters (mart_id varchar, published_at timestamp, default_team varchar, display_timezone varchar, run_weight varchar);
create table publishes (publish_nr bigint, recorded_at timestamp, mart_id varchar);
create table teams (position bigint, team varchar, email varchar, parent varchar);
create table rule_shared_fixed (team varchar, weight bigint);
create table rule_cluster_tags (position bigint, tag_key varchar);
create table rule_owners (
    position bigint, rule_id varchar, team varchar, kind varchar, tag_key varchar, pattern varchar,
    regex varchar, valid_from date, valid_to date
);
-- A rule of several alternatives has a row for each, at one position; patterns are lower case.
create table rule_pools (
    rule_nr bigint, position bigint, rule_id varchar, pool varchar, kind varchar, cluster varchar, charge varchar,
    line_item_type varchar, service varchar, usage_type varchar, tag_key varchar, tag_value varchar, resource varchar
);
-- Thresholds of the waste detectors; the scope is empty for all, `team:name` or `tag:key=value`.
create table rule_waste (setting varchar, scope varchar, value varchar, source varchar);
create table sources (
    source varchar, kind varchar, uri varchar, objects bigint, rows_landed bigint, checked_at timestamp,
    landed_at timestamp, warnings bigint, skipped bigint
);
-- What is still there of sources of tables; and collections of them that later runs confirmed and
-- that are not the unit's newest any more, or whose unit is gone: until when they held.
create table source_units (source varchar, unit varchar);
create table held_collections (source varchar, unit varchar, collected_on date, held_on date);
create table source_warnings (
    source varchar, code varchar, object varchar, message varchar, times bigint, skipped boolean
);
create table manifest_units (
    source varchar, billing_currency varchar, billed_cost decimal(38, 18), effective_cost decimal(38, 18),
    list_cost decimal(38, 18), contracted_cost decimal(38, 18), billed_residue varchar, effective_residue varchar,
    list_residue varchar, contracted_residue varchar
);
create view manifest_totals as
select
    source, billing_currency, sum(billed_cost) as billed_cost, sum(effective_cost) as effective_cost,
    sum(list_cost) as list_cost, sum(contracted_cost) as contracted_cost
from manifest_units
group by source, billing_currency;
