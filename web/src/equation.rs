//! The conservation equation as a bar and as exact numbers.

use askama::Template;
use attribution::mart::{BalanceRow, Dimension, Ownership};
use model::{Amount, Category};

use crate::context::{Context, only};
use crate::error::PageError;
use crate::{colour, parts};

/// charged = direct + usage + storage + shared + idle + unallocated, for the whole bill of
/// the lens's days.
#[derive(Template)]
#[template(path = "component/equation.html")]
pub struct Equation {
    pub charged: String,
    pub charged_exact: String,
    pub terms: Vec<Term>,
    /// Exact, with its currency.
    pub difference: String,
    pub balanced: bool,
    pub caption: String,
    /// Where every day and service is shown; nothing on that page itself.
    pub proof: Option<String>,
}

/// One summand.
pub struct Term {
    pub name: &'static str,
    pub class: String,
    pub shown: String,
    pub exact: String,
    pub percent: String,
    /// What opens the figure; nothing for who sees but a part of it.
    pub href: Option<String>,
    /// Per cent of the bar, for its geometry only.
    pub x: String,
    pub width: String,
}

/// Sums of the balance over the lens.
#[derive(Clone, Copy, Default)]
pub struct Balance {
    pub charged: Amount,
    pub difference: Amount,
    pub direct: Amount,
    pub usage: Amount,
    pub storage: Amount,
    pub shared: Amount,
    pub idle: Amount,
    pub unallocated: Amount,
}

impl Balance {
    /// Adds rows of the mart, which carry what was charged beside what was given out.
    pub fn of<'a>(rows: impl Iterator<Item = &'a BalanceRow>) -> Self {
        let mut sum = Self::default();
        for row in rows {
            sum.charged += row.charged;
            sum.difference += row.difference;
            sum.direct += row.direct;
            sum.usage += row.usage;
            sum.storage += row.storage;
            sum.shared += row.shared;
            sum.idle += row.idle;
            sum.unallocated += row.unallocated;
        }
        sum
    }

    /// One summand.
    pub const fn get(&self, category: Category) -> Amount {
        match category {
            Category::Direct => self.direct,
            Category::Usage => self.usage,
            Category::Storage => self.storage,
            Category::Shared => self.shared,
            Category::Idle => self.idle,
            Category::Unallocated => self.unallocated,
        }
    }
}

/// The balance of the lens's days, basis and currency; a team filter does not apply to it.
pub fn balance(context: &Context<'_>) -> Result<Vec<BalanceRow>, PageError> {
    let scope = &context.scope;
    let mut rows = context.mart.balance(context.lens.basis, Some(scope.from), Some(scope.to))?;
    rows.retain(|row| row.currency == scope.currency);
    Ok(rows)
}

/// The balance with its categories as the lens's owners make them: what a rule did not claim
/// then is unallocated then. By today's owners it is the mart's own.
pub fn in_view(context: &Context<'_>, balance: Balance) -> Result<Balance, PageError> {
    if context.lens.view.ownership == Ownership::Restated {
        return Ok(balance);
    }
    let parts = parts::of(context, &[])?;
    Ok(Balance {
        direct: parts.get(Category::Direct),
        usage: parts.get(Category::Usage),
        storage: parts.get(Category::Storage),
        shared: parts.get(Category::Shared),
        idle: parts.get(Category::Idle),
        unallocated: parts.get(Category::Unallocated),
        difference: balance.charged - parts.total(),
        ..balance
    })
}

impl Equation {
    /// The equation of these sums.
    pub fn new(context: &Context<'_>, balance: &Balance) -> Self {
        let whole: f64 = Category::ALL.iter().map(|category| balance.get(*category).to_f64().max(0.0)).sum();
        let colours = colour::Colours::of_categories();
        let mut x = 0.0;
        let terms = Category::ALL
            .into_iter()
            .map(|category| {
                let amount = balance.get(category);
                let width = if whole > 0.0 { amount.to_f64().max(0.0) / whole * 100.0 } else { 0.0 };
                let term = Term {
                    name: category.name(),
                    class: colour::class(colours.of(category.name())),
                    shown: context.money(amount),
                    exact: amount.to_string(),
                    percent: reports::format::percent(amount, balance.charged).unwrap_or_default(),
                    href: context
                        .mart
                        .reach()
                        .is_whole()
                        .then(|| context.explain(&[only(Dimension::Category, category.name())])),
                    x: format!("{x:.3}"),
                    width: format!("{width:.3}"),
                };
                x += width;
                term
            })
            .collect();
        let currency = context.scope.currency;
        Self {
            charged: context.money(balance.charged),
            charged_exact: balance.charged.to_string(),
            terms,
            difference: format!("{} {currency}", balance.difference),
            balanced: balance.difference.is_zero(),
            proof: (context.path.place() != "data")
                .then(|| format!("{}#balance", context.lens.shared().url(&crate::link::Path::new(["data"])))),
            caption: format!("Charged {}, {}", context.period(), context.terms()),
        }
    }
}
