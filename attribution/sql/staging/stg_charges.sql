-- One row per billed line: four costs without nulls, and whose line it is.
-- Savings plan negations are netted against the usage they cover (per source, account, usage
-- type and start), so that covered usage costs 0 on the billed basis and the sum is unchanged.
-- Key: line_id
with hashed as (
    -- A file's number is its name's, whatever other files there are: 32 bits of it.
    select
        source, source_file,
        cast(conv(substr(md5(concat_ws(chr(31), source, source_file)), 1, 8), 16, 10) as bigint) as name_nr
    from (select distinct source, source_file from landed_charges) d
),
files as (
    select
        source, source_file,
        -- Files of one hash are told apart.
        name_nr + 4294967296 * (row_number() over (partition by name_nr order by source, source_file) - 1) as file_nr
    from hashed
),
covered as (
    -- Only these few lines are sorted, and only what netting needs of them.
    select
        c.source,
        c.source_file,
        c.source_line,
        c.x_line_item_type,
        row_number() over (
            partition by
                c.source, c.billing_period_start, c.billing_currency,
                coalesce(c.sub_account_id, c.billing_account_id), c.x_usage_type, c.charge_period_start,
                c.x_line_item_type
            order by c.source_file, c.source_line
        ) as nth,
        sum(c.billed_cost) over (
            partition by
                c.source, c.billing_period_start, c.billing_currency,
                coalesce(c.sub_account_id, c.billing_account_id), c.x_usage_type, c.charge_period_start
        ) as net_billed_cost,
        max(case when c.x_line_item_type = 'SavingsPlanNegation' then 1 else 0 end) over (
            partition by
                c.source, c.billing_period_start, c.billing_currency,
                coalesce(c.sub_account_id, c.billing_account_id), c.x_usage_type, c.charge_period_start
        ) as has_negation
    from landed_charges c
    where c.x_line_item_type in ('SavingsPlanCoveredUsage', 'SavingsPlanNegation')
),
netted as (
    -- What is left over stands on the first negation; all others are 0.
    select
        source, source_file, source_line,
        case
            when x_line_item_type = 'SavingsPlanNegation' and nth = 1 then net_billed_cost
            else cast(0 as decimal(38, 18))
        end as billed_cost
    from covered
    where has_negation = 1
)
select
    -- Joins on three texts are dear: from here on a line is known by a number (no file has
    -- a hundred million lines).
    f.file_nr * 100000000 + n.source_line as line_id,
    n.source,
    n.source_object,
    n.source_file,
    n.source_line,
    n.billing_period_start,
    n.billing_period_end,
    n.charge_period_start,
    -- An empty or inverted period is taken as the hour it starts in.
    case
        when n.charge_period_end > n.charge_period_start then n.charge_period_end
        else n.charge_period_start + interval 1 hour
    end as charge_period_end,
    n.billing_currency,
    coalesce(k.billed_cost, n.billed_cost) as billed_cost,
    n.billed_cost as billed_cost_on_bill,
    n.effective_cost,
    coalesce(n.list_cost, cast(0 as decimal(38, 18))) as list_cost,
    coalesce(n.contracted_cost, cast(0 as decimal(38, 18))) as contracted_cost,
    case when n.list_cost is null then 1 else 0 end as list_cost_missing,
    case when n.contracted_cost is null then 1 else 0 end as contracted_cost_missing,
    n.charge_category,
    n.charge_class,
    n.charge_frequency,
    n.charge_description,
    n.billing_account_id,
    n.sub_account_id,
    n.publisher_name,
    n.invoice_issuer_name,
    n.pricing_category,
    coalesce(n.sub_account_id, n.billing_account_id) as account_id,
    coalesce(n.service_name, n.x_product_code, n.provider_name) as service_name,
    n.service_category,
    n.provider_name,
    -- Sold through a cloud's bill by somebody else: a marketplace's software.
    case
        when lower(n.provider_name) in (
                'aws', 'amazon web services', 'microsoft', 'azure', 'google cloud', 'gcp', 'oracle'
            )
            and n.publisher_name is not null
            and lower(n.publisher_name) not like 'amazon%'
            and lower(n.publisher_name) not like 'aws%'
            and lower(n.publisher_name) not like 'aispl%'
            and lower(n.publisher_name) not like '%sinnet%'
            and lower(n.publisher_name) not like '%western cloud%'
            and lower(n.publisher_name) not like 'microsoft%'
            and lower(n.publisher_name) not like 'azure%'
            and lower(n.publisher_name) not like 'google%'
            and lower(n.publisher_name) not like 'oracle%'
            then 1
        else 0
    end as is_third_party,
    n.region_id,
    n.resource_id,
    n.tag_set_id,
    n.x_line_item_type as line_item_type,
    n.x_usage_type as usage_type,
    n.x_operation as operation,
    n.x_product_code as product_code,
    n.x_instance_type as instance_type,
    n.commitment_discount_id,
    n.commitment_discount_status,
    n.x_amortized_upfront_cost as amortized_upfront_cost,
    coalesce(n.consumed_quantity, n.pricing_quantity) as quantity,
    coalesce(n.consumed_unit, n.pricing_unit) as quantity_unit
from landed_charges n
join files f on f.source = n.source and f.source_file = n.source_file
left join netted k
    on k.source = n.source and k.source_file = n.source_file and k.source_line = n.source_line
