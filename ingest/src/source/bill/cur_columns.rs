//! Where the columns of a legacy Cost and Usage Report are in one file
//! (<https://docs.aws.amazon.com/cur/latest/userguide/data-dictionary.html>).
//!
//! Every month has other columns: those nobody used are left out. Names are given as the
//! CSV spells them; [`Header`] finds the Athena spelling too.

use super::malformed;
use super::table::Header;
use crate::source::ReadError;

/// Positions of the columns that are read; nothing for those the file lacks.
pub(super) struct CurColumns {
    /// Every name in the file, for messages.
    pub names: Vec<String>,
    pub unblended_cost: Option<usize>,
    pub net_unblended_cost: Option<usize>,
    pub public_on_demand_cost: Option<usize>,
    pub public_on_demand_rate: Option<usize>,
    pub commitment: CommitmentColumns,
    pub usage_start: Option<usize>,
    pub usage_end: Option<usize>,
    pub period_start: Option<usize>,
    pub period_end: Option<usize>,
    pub currency: Option<usize>,
    pub pricing_currency: Option<usize>,
    pub line_item_type: Option<usize>,
    pub description: Option<usize>,
    pub tax_type: Option<usize>,
    pub payer_id: Option<usize>,
    pub payer_name: Option<usize>,
    pub account_id: Option<usize>,
    pub account_name: Option<usize>,
    pub invoice_id: Option<usize>,
    pub invoicing_entity: Option<usize>,
    pub legal_entity: Option<usize>,
    pub product_name: Option<usize>,
    pub service_name: Option<usize>,
    pub product_code: Option<usize>,
    pub usage_type: Option<usize>,
    pub operation: Option<usize>,
    pub region: Option<usize>,
    pub region_fallback: Option<usize>,
    pub availability_zone: Option<usize>,
    pub resource_id: Option<usize>,
    pub sku: Option<usize>,
    pub rate_code: Option<usize>,
    pub usage_amount: Option<usize>,
    pub unit: Option<usize>,
    pub instance_type: Option<usize>,
    pub vcpu: Option<usize>,
    pub memory: Option<usize>,
    /// Tags: position, and key without the prefix of the column.
    pub tags: Vec<(usize, String)>,
    /// Report 2.0: a map of what the product says.
    pub product_map: Option<usize>,
    /// Report 2.0: a map of tags.
    pub tag_map: Option<usize>,
}

/// Which Cost and Usage Report a file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::source) enum Generation {
    /// The legacy one: a column for every tag and attribute.
    First,
    /// 2.0: maps of tags and attributes.
    Second,
}

/// Columns of savings plans and reservations, each with the twin that has discounts taken off.
pub(super) struct CommitmentColumns {
    pub savings_plan_arn: Option<usize>,
    pub savings_plan_effective: NetPair,
    pub savings_plan_total: Option<usize>,
    pub savings_plan_used: Option<usize>,
    pub savings_plan_amortized_upfront: NetPair,
    pub reservation_arn: Option<usize>,
    pub reservation_effective: NetPair,
    pub reservation_unused_upfront: NetPair,
    pub reservation_unused_recurring: NetPair,
    pub reservation_amortized_upfront: NetPair,
}

/// A cost and its net twin, which accounts with negotiated discounts have.
#[derive(Clone, Copy)]
pub(super) struct NetPair {
    pub net: Option<usize>,
    pub gross: Option<usize>,
}

impl NetPair {
    fn find(header: &mut Header, net: &str, gross: &str) -> Self {
        Self { net: header.find(&[net]), gross: header.find(&[gross]) }
    }

    /// Whether the file has either.
    pub fn exists(self) -> bool {
        self.net.or(self.gross).is_some()
    }
}

impl CommitmentColumns {
    fn find(header: &mut Header) -> Self {
        Self {
            savings_plan_arn: header.find(&["savingsPlan/SavingsPlanARN"]),
            savings_plan_effective: NetPair::find(
                header,
                "savingsPlan/NetSavingsPlanEffectiveCost",
                "savingsPlan/SavingsPlanEffectiveCost",
            ),
            savings_plan_total: header.find(&["savingsPlan/TotalCommitmentToDate"]),
            savings_plan_used: header.find(&["savingsPlan/UsedCommitment"]),
            savings_plan_amortized_upfront: NetPair::find(
                header,
                "savingsPlan/NetAmortizedUpfrontCommitmentForBillingPeriod",
                "savingsPlan/AmortizedUpfrontCommitmentForBillingPeriod",
            ),
            reservation_arn: header.find(&["reservation/ReservationARN"]),
            reservation_effective: NetPair::find(
                header,
                "reservation/NetEffectiveCost",
                "reservation/EffectiveCost",
            ),
            reservation_unused_upfront: NetPair::find(
                header,
                "reservation/NetUnusedAmortizedUpfrontFeeForBillingPeriod",
                "reservation/UnusedAmortizedUpfrontFeeForBillingPeriod",
            ),
            reservation_unused_recurring: NetPair::find(
                header,
                "reservation/NetUnusedRecurringFee",
                "reservation/UnusedRecurringFee",
            ),
            reservation_amortized_upfront: NetPair::find(
                header,
                "reservation/NetAmortizedUpfrontFeeForBillingPeriod",
                "reservation/AmortizedUpfrontFeeForBillingPeriod",
            ),
        }
    }
}

impl CurColumns {
    /// Finds the columns.
    ///
    /// # Errors
    /// When the file is no Cost and Usage Report of this generation: it has no unblended
    /// cost or no start of usage, or is a report of another kind.
    pub fn find(header: &mut Header, uri: &str, generation: Generation) -> Result<Self, ReadError> {
        let second = generation == Generation::Second;
        if !second && header.has("product") && header.has("resource_tags") {
            let fault = format!("this is a Cost and Usage Report 2.0 ({})", header.sample());
            return Err(malformed(
                uri,
                fault,
                Some("set kind = \"aws-cur2\": \"aws-cur\" reads the legacy report only"),
            ));
        }
        if second && header.names().iter().any(|name| name.starts_with("lineItem/")) {
            let fault = format!("this is a legacy Cost and Usage Report ({})", header.sample());
            return Err(malformed(uri, fault, Some("set kind = \"aws-cur\"")));
        }
        let columns = Self {
            names: header.names().to_vec(),
            unblended_cost: header.find(&["lineItem/UnblendedCost"]),
            net_unblended_cost: header.find(&["lineItem/NetUnblendedCost"]),
            public_on_demand_cost: header.find(&["pricing/publicOnDemandCost"]),
            public_on_demand_rate: header.find(&["pricing/publicOnDemandRate"]),
            commitment: CommitmentColumns::find(header),
            usage_start: header.find(&["lineItem/UsageStartDate"]),
            usage_end: header.find(&["lineItem/UsageEndDate"]),
            period_start: header.find(&["bill/BillingPeriodStartDate"]),
            period_end: header.find(&["bill/BillingPeriodEndDate"]),
            currency: header.find(&["lineItem/CurrencyCode"]),
            pricing_currency: header.find(&["pricing/currency"]),
            line_item_type: header.find(&["lineItem/LineItemType"]),
            description: header.find(&["lineItem/LineItemDescription"]),
            tax_type: header.find(&["lineItem/TaxType"]),
            payer_id: header.find(&["bill/PayerAccountId"]),
            payer_name: header.find(&["bill/PayerAccountName"]),
            account_id: header.find(&["lineItem/UsageAccountId"]),
            account_name: header.find(&["lineItem/UsageAccountName"]),
            invoice_id: header.find(&["bill/InvoiceId"]),
            invoicing_entity: header.find(&["bill/InvoicingEntity"]),
            legal_entity: header.find(&["lineItem/LegalEntity"]),
            product_name: header.find(&["product/ProductName"]),
            service_name: header.find(&["product/servicename"]),
            product_code: header.find(&["lineItem/ProductCode"]),
            usage_type: header.find(&["lineItem/UsageType"]),
            operation: header.find(&["lineItem/Operation"]),
            region: header.find(&["product/regionCode"]),
            region_fallback: header.find(&["product/region"]),
            availability_zone: header.find(&["lineItem/AvailabilityZone"]),
            resource_id: header.find(&["lineItem/ResourceId"]),
            sku: header.find(&["product/sku"]),
            rate_code: header.find(&["pricing/RateCode"]),
            usage_amount: header.find(&["lineItem/UsageAmount"]),
            unit: header.find(&["pricing/unit"]),
            instance_type: header.find(&["product/instanceType"]),
            vcpu: header.find(&["product/vcpu"]),
            memory: header.find(&["product/memory"]),
            tags: tag_columns(header),
            product_map: if second { header.find(&["product"]) } else { None },
            tag_map: if second { header.find(&["resource_tags"]) } else { None },
        };
        for (found, name) in [
            (columns.unblended_cost, "lineItem/UnblendedCost"),
            (columns.usage_start, "lineItem/UsageStartDate"),
        ] {
            if found.is_none() {
                let fault = format!("it has no column `{name}`, but {}", header.sample());
                return Err(malformed(uri, fault, Some(looks_like(header))));
            }
        }
        Ok(columns)
    }
}

fn looks_like(header: &Header) -> &'static str {
    if header.has("BilledCost") {
        "this looks like a FOCUS export: set kind = \"focus\""
    } else {
        "kind \"aws-cur\" reads Cost and Usage Reports with all columns of lineItem/"
    }
}

fn tag_columns(header: &mut Header) -> Vec<(usize, String)> {
    let tags: Vec<(usize, String)> = header
        .names()
        .iter()
        .enumerate()
        .filter_map(|(index, name)| {
            let key = name.strip_prefix("resourceTags/").or_else(|| name.strip_prefix("resource_tags_"))?;
            (!key.trim().is_empty()).then(|| (index, key.to_owned()))
        })
        .collect();
    for (index, _) in &tags {
        header.want(*index);
    }
    tags
}
