//! A budget's state in words.

use chrono::Days;

use super::{BudgetState, money};
use crate::format;

/// How the forecast is made, for people.
pub const FORECAST_RULE: &str = "The forecast is what closed days cost and, for each day that remains, the median of the last four such weekdays.";

impl BudgetState {
    /// What is spent, of what, after how much of the month, and where it leads: one sentence.
    pub fn sentence(&self) -> String {
        let budget = &self.budget;
        let (closed, all) = self.progress();
        let share = |amount| format::percent(amount, budget.amount).unwrap_or_default();
        let mut text = format!(
            "{} of {} ({}) spent after {closed} of {all} days",
            money(budget, self.spent),
            money(budget, budget.amount),
            share(self.spent)
        );
        if self.is_partial() {
            text.push_str(&format!(" (the ledger begins on {})", format::day(self.first)));
        }
        if self.end == self.month_end() {
            text.push_str(&match (self.is_over(), self.exceeded_on) {
                (true, Some(day)) => {
                    format!("; exceeded by {} since {}", money(budget, -self.left()), format::day(day))
                }
                _ => format!("; {} left", money(budget, self.left())),
            });
            return text + ".";
        }
        match self.forecast {
            None => text.push_str("; no forecast yet, not every weekday is known"),
            Some(forecast) => {
                text.push_str(&format!("; forecast {} ({})", money(budget, forecast), share(forecast)));
                text.push_str(&match self.exceeded_on {
                    Some(day) if self.is_over() => format!(", exceeded since {}", format::day(day)),
                    Some(day) => format!(", beyond it on {}", format::day(day)),
                    None => String::new(),
                });
            }
        }
        text + "."
    }

    /// How fast it burns, against what would keep it: `$52.10 a day; at most $31.00 a day keeps it`.
    pub fn pace(&self) -> String {
        let burn = self.burn().map(|burn| format!("{} a day", money(&self.budget, burn)));
        let keep = self.allowance().filter(|_| !self.is_over());
        let keep = keep.map(|keep| format!("at most {} a day keeps it", money(&self.budget, keep)));
        burn.into_iter().chain(keep).collect::<Vec<_>>().join("; ")
    }

    /// The last closed day, for people.
    pub fn as_of(&self) -> String {
        format::day(self.end - Days::new(1))
    }
}
