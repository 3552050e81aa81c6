-- One row per commitment (savings plan or reservation) and currency of whose fee more than a
-- twentieth pays for nothing. It is capacity that is paid for, not cash: work that moves onto it
-- saves what it costs elsewhere, and the next commitment may be smaller.
-- Key: subject, billing_currency
with limits as (
    select
        profile,
        number['unused-commitment.enabled'] as limit_enabled,
        number['unused-commitment.min_share'] as limit_min_share
    from waste_limits
),
fees as (
    select l.line_id, c.commitment_discount_id as subject, l.billing_currency
    from charge_lines l
    join stg_charges c on c.line_id = l.line_id
    where l.pool = 'commitments' and c.commitment_discount_id is not null and c.effective_cost > 0
),
unused as (
    select f.subject, f.billing_currency, cast(p.bucket_start as date) as usage_date, sum(p.effective_cost) as amount
    from fees f
    join charge_pieces p on p.line_id = f.line_id
    join waste_days d on cast(p.bucket_start as date) between d.first_day and d.last_day
    group by all
),
used as (
    select c.commitment_discount_id as subject, c.billing_currency, sum(c.effective_cost) as effective_cost
    from stg_charges c
    join waste_days d on cast(c.charge_period_start as date) between d.first_day and d.last_day
    where c.line_item_type in ('SavingsPlanCoveredUsage', 'DiscountedUsage')
    group by all
),
facts as (
    select u.subject, u.billing_currency, sum(u.amount) as unused_cost, count(*) as days, coalesce(max(s.effective_cost), 0) as used_cost
    from unused u
    left join used s on s.subject = u.subject and s.billing_currency = u.billing_currency
    group by u.subject, u.billing_currency
)
select
    'unused-commitment' as detector, 'commitment' as subject_kind, f.subject, cast(null as varchar) as team, f.billing_currency,
    0.0 as fix_cost, cast(null as integer) as rate_days, 'high' as confidence,
    json_object('unused_cost', f.unused_cost, 'used_cost', f.used_cost, 'days', f.days,
        'unused_share', round(cast(f.unused_cost as double) / (cast(f.unused_cost as double) + cast(f.used_cost as double)), 4)) as evidence,
    ['nobody in any account used it'] as guards,
    '# see what it is good for, place on-demand work there, and buy less when it ends:' || chr(10)
        || case when f.subject like '%:reserved-instances/%'
            then 'aws ec2 describe-reserved-instances --reserved-instances-ids ' || shell_word(split_part(f.subject, '/', -1))
                || chr(10) || '# a standard one may also be sold: aws ec2 create-reserved-instances-listing'
            else 'aws savingsplans describe-savings-plans --savings-plan-arns ' || shell_word(f.subject) end as action,
    list(struct_pack(pot_kind := 'commitments', pot := 'commitments', run_nr := cast(null as bigint), table_id := cast(null as varchar), usage_date := u.usage_date, amount := cast(u.amount as decimal(38, 12))) order by u.usage_date) as claims
from facts f
join unused u on u.subject = f.subject and u.billing_currency = f.billing_currency
join limits l on l.profile = chr(31)
where l.limit_enabled > 0
    and cast(f.unused_cost as double) >= l.limit_min_share * (cast(f.unused_cost as double) + cast(f.used_cost as double))
group by all
