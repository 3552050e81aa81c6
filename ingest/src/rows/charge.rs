//! One billed line.

use std::borrow::Cow;

use model::landed::Dataset;
use model::money::Amount;
use model::time::Instant;

use crate::packed::{Cells, Row};

/// One billed line; texts borrow from the record it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Charge<'a> {
    /// `source_file`
    pub source_file: Cow<'a, str>,
    /// `source_line`
    pub source_line: i64,
    /// `billing_period_start`
    pub billing_period_start: Instant,
    /// `billing_period_end`
    pub billing_period_end: Instant,
    /// `charge_period_start`
    pub charge_period_start: Instant,
    /// `charge_period_end`
    pub charge_period_end: Instant,
    /// `billing_currency`
    pub billing_currency: Cow<'a, str>,
    /// `billed_cost`
    pub billed_cost: Amount,
    /// `effective_cost`
    pub effective_cost: Amount,
    /// `list_cost`
    pub list_cost: Option<Amount>,
    /// `contracted_cost`
    pub contracted_cost: Option<Amount>,
    /// `list_unit_price`
    pub list_unit_price: Option<Amount>,
    /// `contracted_unit_price`
    pub contracted_unit_price: Option<Amount>,
    /// `charge_category`
    pub charge_category: Cow<'a, str>,
    /// `charge_class`
    pub charge_class: Option<Cow<'a, str>>,
    /// `charge_description`
    pub charge_description: Option<Cow<'a, str>>,
    /// `charge_frequency`
    pub charge_frequency: Option<Cow<'a, str>>,
    /// `billing_account_id`
    pub billing_account_id: Option<Cow<'a, str>>,
    /// `billing_account_name`
    pub billing_account_name: Option<Cow<'a, str>>,
    /// `billing_account_type`
    pub billing_account_type: Option<Cow<'a, str>>,
    /// `sub_account_id`
    pub sub_account_id: Option<Cow<'a, str>>,
    /// `sub_account_name`
    pub sub_account_name: Option<Cow<'a, str>>,
    /// `sub_account_type`
    pub sub_account_type: Option<Cow<'a, str>>,
    /// `provider_name`
    pub provider_name: Option<Cow<'a, str>>,
    /// `publisher_name`
    pub publisher_name: Option<Cow<'a, str>>,
    /// `invoice_issuer_name`
    pub invoice_issuer_name: Option<Cow<'a, str>>,
    /// `invoice_id`
    pub invoice_id: Option<Cow<'a, str>>,
    /// `service_name`
    pub service_name: Option<Cow<'a, str>>,
    /// `service_category`
    pub service_category: Option<Cow<'a, str>>,
    /// `service_subcategory`
    pub service_subcategory: Option<Cow<'a, str>>,
    /// `region_id`
    pub region_id: Option<Cow<'a, str>>,
    /// `region_name`
    pub region_name: Option<Cow<'a, str>>,
    /// `availability_zone`
    pub availability_zone: Option<Cow<'a, str>>,
    /// `resource_id`
    pub resource_id: Option<Cow<'a, str>>,
    /// `resource_name`
    pub resource_name: Option<Cow<'a, str>>,
    /// `resource_type`
    pub resource_type: Option<Cow<'a, str>>,
    /// `sku_id`
    pub sku_id: Option<Cow<'a, str>>,
    /// `sku_price_id`
    pub sku_price_id: Option<Cow<'a, str>>,
    /// `sku_meter`
    pub sku_meter: Option<Cow<'a, str>>,
    /// `sku_price_details`
    pub sku_price_details: Option<Cow<'a, str>>,
    /// `pricing_category`
    pub pricing_category: Option<Cow<'a, str>>,
    /// `pricing_quantity`
    pub pricing_quantity: Option<Amount>,
    /// `pricing_unit`
    pub pricing_unit: Option<Cow<'a, str>>,
    /// `pricing_currency`
    pub pricing_currency: Option<Cow<'a, str>>,
    /// `pricing_currency_contracted_unit_price`
    pub pricing_currency_contracted_unit_price: Option<Amount>,
    /// `pricing_currency_effective_cost`
    pub pricing_currency_effective_cost: Option<Amount>,
    /// `pricing_currency_list_unit_price`
    pub pricing_currency_list_unit_price: Option<Amount>,
    /// `consumed_quantity`
    pub consumed_quantity: Option<Amount>,
    /// `consumed_unit`
    pub consumed_unit: Option<Cow<'a, str>>,
    /// `capacity_reservation_id`
    pub capacity_reservation_id: Option<Cow<'a, str>>,
    /// `capacity_reservation_status`
    pub capacity_reservation_status: Option<Cow<'a, str>>,
    /// `commitment_discount_id`
    pub commitment_discount_id: Option<Cow<'a, str>>,
    /// `commitment_discount_name`
    pub commitment_discount_name: Option<Cow<'a, str>>,
    /// `commitment_discount_category`
    pub commitment_discount_category: Option<Cow<'a, str>>,
    /// `commitment_discount_type`
    pub commitment_discount_type: Option<Cow<'a, str>>,
    /// `commitment_discount_status`
    pub commitment_discount_status: Option<Cow<'a, str>>,
    /// `commitment_discount_quantity`
    pub commitment_discount_quantity: Option<Amount>,
    /// `commitment_discount_unit`
    pub commitment_discount_unit: Option<Cow<'a, str>>,
    /// `tag_set_id`
    pub tag_set_id: Option<Cow<'a, str>>,
    /// `x_line_item_type`
    pub x_line_item_type: Option<Cow<'a, str>>,
    /// `x_product_code`
    pub x_product_code: Option<Cow<'a, str>>,
    /// `x_usage_type`
    pub x_usage_type: Option<Cow<'a, str>>,
    /// `x_operation`
    pub x_operation: Option<Cow<'a, str>>,
    /// `x_instance_type`
    pub x_instance_type: Option<Cow<'a, str>>,
    /// `x_vcpus`
    pub x_vcpus: Option<i64>,
    /// `x_memory_mib`
    pub x_memory_mib: Option<i64>,
    /// `x_amortized_upfront_cost`
    pub x_amortized_upfront_cost: Option<Amount>,
    /// `x_columns`
    pub x_columns: Option<Cow<'a, str>>,
}

impl Row for Charge<'_> {
    const DATASET: Dataset = Dataset::Charges;

    fn write(&self, cells: &mut Cells<'_>) {
        cells.text(&self.source_file);
        cells.int(self.source_line);
        cells.instant(self.billing_period_start);
        cells.instant(self.billing_period_end);
        cells.instant(self.charge_period_start);
        cells.instant(self.charge_period_end);
        cells.text(&self.billing_currency);
        cells.decimal(self.billed_cost);
        cells.decimal(self.effective_cost);
        cells.opt_decimal(self.list_cost);
        cells.opt_decimal(self.contracted_cost);
        cells.opt_decimal(self.list_unit_price);
        cells.opt_decimal(self.contracted_unit_price);
        cells.text(&self.charge_category);
        cells.opt_text(self.charge_class.as_deref());
        cells.opt_text(self.charge_description.as_deref());
        cells.opt_text(self.charge_frequency.as_deref());
        cells.opt_text(self.billing_account_id.as_deref());
        cells.opt_text(self.billing_account_name.as_deref());
        cells.opt_text(self.billing_account_type.as_deref());
        cells.opt_text(self.sub_account_id.as_deref());
        cells.opt_text(self.sub_account_name.as_deref());
        cells.opt_text(self.sub_account_type.as_deref());
        cells.opt_text(self.provider_name.as_deref());
        cells.opt_text(self.publisher_name.as_deref());
        cells.opt_text(self.invoice_issuer_name.as_deref());
        cells.opt_text(self.invoice_id.as_deref());
        cells.opt_text(self.service_name.as_deref());
        cells.opt_text(self.service_category.as_deref());
        cells.opt_text(self.service_subcategory.as_deref());
        cells.opt_text(self.region_id.as_deref());
        cells.opt_text(self.region_name.as_deref());
        cells.opt_text(self.availability_zone.as_deref());
        cells.opt_text(self.resource_id.as_deref());
        cells.opt_text(self.resource_name.as_deref());
        cells.opt_text(self.resource_type.as_deref());
        cells.opt_text(self.sku_id.as_deref());
        cells.opt_text(self.sku_price_id.as_deref());
        cells.opt_text(self.sku_meter.as_deref());
        cells.opt_text(self.sku_price_details.as_deref());
        cells.opt_text(self.pricing_category.as_deref());
        cells.opt_decimal(self.pricing_quantity);
        cells.opt_text(self.pricing_unit.as_deref());
        cells.opt_text(self.pricing_currency.as_deref());
        cells.opt_decimal(self.pricing_currency_contracted_unit_price);
        cells.opt_decimal(self.pricing_currency_effective_cost);
        cells.opt_decimal(self.pricing_currency_list_unit_price);
        cells.opt_decimal(self.consumed_quantity);
        cells.opt_text(self.consumed_unit.as_deref());
        cells.opt_text(self.capacity_reservation_id.as_deref());
        cells.opt_text(self.capacity_reservation_status.as_deref());
        cells.opt_text(self.commitment_discount_id.as_deref());
        cells.opt_text(self.commitment_discount_name.as_deref());
        cells.opt_text(self.commitment_discount_category.as_deref());
        cells.opt_text(self.commitment_discount_type.as_deref());
        cells.opt_text(self.commitment_discount_status.as_deref());
        cells.opt_decimal(self.commitment_discount_quantity);
        cells.opt_text(self.commitment_discount_unit.as_deref());
        cells.opt_text(self.tag_set_id.as_deref());
        cells.opt_text(self.x_line_item_type.as_deref());
        cells.opt_text(self.x_product_code.as_deref());
        cells.opt_text(self.x_usage_type.as_deref());
        cells.opt_text(self.x_operation.as_deref());
        cells.opt_text(self.x_instance_type.as_deref());
        cells.opt_int(self.x_vcpus);
        cells.opt_int(self.x_memory_mib);
        cells.opt_decimal(self.x_amortized_upfront_cost);
        cells.opt_text(self.x_columns.as_deref());
    }
}
