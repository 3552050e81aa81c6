//! What a line of a legacy Cost and Usage Report costs on each basis.
//!
//! The effective cost follows the summary view of AWS's Cloud Intelligence Dashboards,
//! line type by line type, with the net twins of the columns where the bill has them.

use model::money::Exact;

use super::cur_columns::{CurColumns, NetPair};
use super::numbers::Numbers;
use super::posting::Costs;
use crate::source::ReadError;

/// `lineItem/LineItemType`, as far as costs differ by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum LineType {
    Usage,
    DiscountedUsage,
    SavingsPlanCoveredUsage,
    SavingsPlanNegation,
    SavingsPlanRecurringFee,
    SavingsPlanUpfrontFee,
    /// `RIFee`: what a reservation costs in the month, used or not.
    ReservationFee,
    Fee,
    Tax,
    Credit,
    Refund,
    /// `EdpDiscount`, `PrivateRateDiscount`, `BundledDiscount` and their kin.
    Discount,
    /// A type AWS added later.
    Other,
}

impl LineType {
    /// Reads the word of the report; without one it is usage.
    pub fn parse(text: &str) -> Self {
        match text {
            "Usage" | "" => Self::Usage,
            "DiscountedUsage" => Self::DiscountedUsage,
            "SavingsPlanCoveredUsage" => Self::SavingsPlanCoveredUsage,
            "SavingsPlanNegation" => Self::SavingsPlanNegation,
            "SavingsPlanRecurringFee" => Self::SavingsPlanRecurringFee,
            "SavingsPlanUpfrontFee" => Self::SavingsPlanUpfrontFee,
            "RIFee" => Self::ReservationFee,
            "Fee" => Self::Fee,
            "Tax" => Self::Tax,
            "Credit" => Self::Credit,
            "Refund" => Self::Refund,
            discount if discount.ends_with("Discount") => Self::Discount,
            _ => Self::Other,
        }
    }

    /// Whether the line is usage with a price and a quantity of its own. The negation of
    /// covered usage is not: it repeats the quantity of what it takes back.
    pub fn is_priced_usage(self) -> bool {
        matches!(self, Self::Usage | Self::DiscountedUsage | Self::SavingsPlanCoveredUsage)
    }
}

/// The costs of one line.
pub(super) struct CurCosts {
    /// On the four bases.
    pub costs: Costs,
    /// Upfront fees that this recurring fee amortises in the billing period; null where
    /// the bill has no such column.
    pub amortized_upfront: Option<Exact>,
}

/// What a line is about, as far as its costs depend on it.
#[derive(Clone, Copy)]
pub(super) struct LineFacts {
    /// Its type.
    pub kind: LineType,
    /// It names a reservation.
    pub reservation: bool,
    /// It is sold by a savings plan: its product is the plan itself.
    pub savings_plan_product: bool,
}

/// The costs of a line.
///
/// # Errors
/// When its unblended cost is no number.
pub(super) fn costs(
    facts: LineFacts,
    columns: &CurColumns,
    numbers: &mut Numbers<'_, '_>,
) -> Result<CurCosts, ReadError> {
    let unblended = numbers.billed(columns.unblended_cost)?;
    let billed = match numbers.cost(columns.net_unblended_cost) {
        Some(net) => net,
        // Net columns hold the discounts already: the discount's own line is not to be
        // taken off once more.
        None if facts.kind == LineType::Discount && columns.net_unblended_cost.is_some() => {
            numbers.notes.count("discount-in-net", "", || {
                "discount lines without a net cost beside lines that have one: they count 0".to_owned()
            });
            Exact::default()
        }
        None => unblended,
    };
    let effective = effective(facts, billed, columns, numbers);
    let list = list(facts.kind, unblended, columns, numbers);
    Ok(CurCosts {
        costs: Costs { billed, effective, list: list.0, contracted: list.1 },
        amortized_upfront: amortized_upfront(facts.kind, columns, numbers),
    })
}

fn effective(facts: LineFacts, billed: Exact, columns: &CurColumns, numbers: &mut Numbers<'_, '_>) -> Exact {
    let commitment = &columns.commitment;
    let amortized = match facts.kind {
        LineType::SavingsPlanCoveredUsage
        | LineType::SavingsPlanNegation
        | LineType::SavingsPlanRecurringFee
        | LineType::SavingsPlanUpfrontFee => commitment.savings_plan_effective.exists(),
        LineType::DiscountedUsage | LineType::ReservationFee => commitment.reservation_effective.exists(),
        LineType::Fee if facts.reservation => commitment.reservation_effective.exists(),
        LineType::Refund if facts.savings_plan_product => commitment.savings_plan_effective.exists(),
        _ => return billed,
    };
    if !amortized {
        // Then no line of the commitment may be: used and unused part, fee and negation
        // make a whole only together.
        numbers.notes.count("no-amortization", "", || {
            "lines of savings plans or reservations, but no column with their effective cost: it is the billed cost".to_owned()
        });
        return billed;
    }
    match facts.kind {
        LineType::SavingsPlanCoveredUsage => {
            effective_or_billed(commitment.savings_plan_effective, billed, numbers)
        }
        LineType::DiscountedUsage => effective_or_billed(commitment.reservation_effective, billed, numbers),
        LineType::SavingsPlanRecurringFee => {
            let total = numbers.cost(commitment.savings_plan_total);
            let used = numbers.cost(commitment.savings_plan_used);
            unused_known(total.is_some() && used.is_some(), numbers);
            total.unwrap_or_default() - used.unwrap_or_default()
        }
        LineType::ReservationFee => {
            let upfront = net_or_gross(commitment.reservation_unused_upfront, numbers);
            let recurring = net_or_gross(commitment.reservation_unused_recurring, numbers);
            unused_known(upfront.is_some() && recurring.is_some(), numbers);
            let mut unused = upfront.unwrap_or_default();
            unused += recurring.unwrap_or_default();
            unused
        }
        // Paid once, spread over what it covers; and the negation only takes back the
        // unblended cost of covered usage.
        _ => Exact::default(),
    }
}

/// Usage that a commitment covers is never free for want of a cell: rather too dear.
fn effective_or_billed(pair: NetPair, billed: Exact, numbers: &mut Numbers<'_, '_>) -> Exact {
    net_or_gross(pair, numbers).unwrap_or_else(|| {
        numbers.notes.count("no-effective-cost", "", || {
            "covered usage without an effective cost: it is the billed cost".to_owned()
        });
        billed
    })
}

fn unused_known(known: bool, numbers: &mut Numbers<'_, '_>) {
    if !known {
        numbers.notes.count("unused-unknown", "", || {
            "commitment fees without the cells that say what was left unused: what is missing counts 0"
                .to_owned()
        });
    }
}

fn net_or_gross(pair: NetPair, numbers: &mut Numbers<'_, '_>) -> Option<Exact> {
    numbers.cost(pair.net).or_else(|| numbers.cost(pair.gross))
}

/// List and contracted cost.
///
/// A legacy report knows no negotiated prices, so the contracted cost is the list cost,
/// discount lines aside: they are what was negotiated, and no part of a list price.
/// For lines without a list price FOCUS wants the billed cost (credits), or the cost of
/// what they were derived from (tax): the unblended cost is both here. A negation has no
/// list cost, as FOCUS has no such line: the covered usage keeps its own.
fn list(
    kind: LineType,
    unblended: Exact,
    columns: &CurColumns,
    numbers: &mut Numbers<'_, '_>,
) -> (Option<Exact>, Option<Exact>) {
    match kind {
        LineType::SavingsPlanNegation => (Some(Exact::default()), Some(Exact::default())),
        LineType::Discount => (Some(Exact::default()), Some(unblended)),
        _ => {
            let listed = numbers.cost(columns.public_on_demand_cost);
            let listed = if kind.is_priced_usage() {
                listed
            } else {
                listed.filter(|cost| *cost != Exact::default()).or(Some(unblended))
            };
            (listed, listed)
        }
    }
}

fn amortized_upfront(kind: LineType, columns: &CurColumns, numbers: &mut Numbers<'_, '_>) -> Option<Exact> {
    let savings_plan = columns.commitment.savings_plan_amortized_upfront;
    let reservation = columns.commitment.reservation_amortized_upfront;
    let of_this = match kind {
        LineType::SavingsPlanRecurringFee => savings_plan,
        LineType::ReservationFee => reservation,
        _ => return (savings_plan.exists() || reservation.exists()).then(Exact::default),
    };
    of_this.exists().then(|| net_or_gross(of_this, numbers).unwrap_or_default())
}
