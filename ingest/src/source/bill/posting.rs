//! Charges on their way into the sink: exact totals, and tag sets met before.

use std::collections::{BTreeMap, HashMap};

use model::money::Exact;
use model::tags::TagSet;
use model::time::PeriodKey;
use model::{Amount, Basis, Currency};

use super::malformed;
use crate::frame::FrameError;
use crate::rows::Charge;
use crate::sink::Sink;
use crate::source::ReadError;

/// Tag sets remembered at most; a bill has thousands, a hostile one must not have memory.
const REMEMBERED_TAG_SETS: usize = 1 << 16;

/// The four costs of one charge, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Costs {
    pub billed: Exact,
    pub effective: Exact,
    pub list: Option<Exact>,
    pub contracted: Option<Exact>,
}

impl Costs {
    fn get(&self, basis: Basis) -> Exact {
        match basis {
            Basis::Billed => self.billed,
            Basis::Effective => self.effective,
            Basis::List => self.list.unwrap_or_default(),
            Basis::Contracted => self.contracted.unwrap_or_default(),
        }
    }
}

/// Charges of one unit.
pub(in crate::source) struct Posting<'s> {
    sink: &'s mut Sink,
    totals: BTreeMap<(PeriodKey, Currency), [Exact; 4]>,
    // By period and the tags as the file wrote them: hashing a tag set is dear, and a bill
    // repeats few of them over many lines.
    tag_sets: HashMap<PeriodKey, HashMap<String, Option<String>>>,
    remembered: usize,
}

impl<'s> Posting<'s> {
    /// Posts into this sink.
    pub fn new(sink: &'s mut Sink) -> Self {
        Self { sink, totals: BTreeMap::new(), tag_sets: HashMap::new(), remembered: 0 }
    }

    /// The sink, for warnings.
    pub fn sink(&mut self) -> &mut Sink {
        self.sink
    }

    /// Lands one charge and counts its costs.
    pub(super) fn post(
        &mut self,
        charge: &Charge<'_>,
        currency: Currency,
        costs: &Costs,
    ) -> Result<(), ReadError> {
        let period = PeriodKey::month_of(charge.billing_period_start.date_naive());
        self.sink.push(period, charge)?;
        let totals = self.totals.entry((period, currency)).or_default();
        for (total, basis) in totals.iter_mut().zip(Basis::ALL) {
            let cost = costs.get(basis);
            let sum = total.amount.units().checked_add(cost.amount.units());
            let sum = sum.filter(|sum| sum.unsigned_abs() < 10_u128.pow(38));
            let sum = sum.ok_or_else(|| {
                let fault = format!("the {basis} costs of {period} add up to more than 20 digits");
                malformed(format!("{}:{}", charge.source_file, charge.source_line), fault, None)
            })?;
            total.residue += cost.residue;
            total.amount = Amount::from_units(sum);
        }
        Ok(())
    }

    /// The id of the tags that a file writes so; `read` is asked at the first meeting.
    pub(super) fn tag_set(
        &mut self,
        period: PeriodKey,
        written: &str,
        read: impl FnOnce() -> TagSet,
    ) -> Result<Option<String>, FrameError> {
        if let Some(known) = self.tag_sets.get(&period).and_then(|sets| sets.get(written)) {
            return Ok(known.clone());
        }
        if self.remembered >= REMEMBERED_TAG_SETS {
            self.tag_sets.clear();
            self.remembered = 0;
        }
        let id = self.sink.tags(period, &read())?;
        self.tag_sets.entry(period).or_default().insert(written.to_owned(), id.clone());
        self.remembered += 1;
        Ok(id)
    }

    /// Hands the totals over.
    pub fn finish(self) {
        for ((period, currency), totals) in self.totals {
            for (total, basis) in totals.into_iter().zip(Basis::ALL) {
                self.sink.add_cost(period, currency, basis, total.amount, total.residue);
            }
        }
    }
}
