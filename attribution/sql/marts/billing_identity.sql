-- One row per source, billing period and currency: the identity every AWS bill obeys,
-- billed = effective + upfront fees - amortised upfront fees, and its residual.
-- Null where the bill lacks the columns. Source: CID summary_view, checked algebraically.
-- Key: source, billing_period_start, billing_currency
select
    source,
    billing_period_start,
    billing_currency,
    sum(billed_cost) as billed_cost,
    sum(effective_cost) as effective_cost,
    sum(
        case
            when line_item_type = 'SavingsPlanUpfrontFee' then billed_cost
            when line_item_type = 'Fee' and commitment_discount_id is not null then billed_cost
            when line_item_type = 'Refund' and commitment_discount_id is not null and effective_cost = 0
                then billed_cost
            else 0
        end
    ) as upfront_fees,
    case when count(amortized_upfront_cost) = count(*) then sum(amortized_upfront_cost) end as amortised_upfront,
    case when count(amortized_upfront_cost) = count(*) then
        sum(billed_cost) - sum(effective_cost) - sum(
            case
                when line_item_type = 'SavingsPlanUpfrontFee' then billed_cost
                when line_item_type = 'Fee' and commitment_discount_id is not null then billed_cost
                when line_item_type = 'Refund' and commitment_discount_id is not null and effective_cost = 0
                    then billed_cost
                else 0
            end
        ) + sum(amortized_upfront_cost)
    end as residual
from stg_charges
group by source, billing_period_start, billing_currency
