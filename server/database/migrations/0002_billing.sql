-- The rooms: one table for each noun of the API, its fields spelled as the API spells them.

create table products (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  updated timestamptz not null,
  active boolean not null,
  name text not null,
  description text,
  default_price text collate "C",
  images jsonb not null,
  marketing_features jsonb not null,
  metadata jsonb not null,
  package_dimensions jsonb,
  shippable boolean,
  statement_descriptor text,
  tax_code text,
  unit_label text,
  url text,
  deleted boolean not null,
  primary key (world, id)
);
create index products_listed on products (world, created desc, id desc);
create index products_default_price on products (world, default_price);

create table meters (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  updated timestamptz not null,
  display_name text not null,
  event_name text not null,
  event_time_window text,
  customer_mapping jsonb not null,
  default_aggregation jsonb not null,
  value_settings jsonb not null,
  status text not null check (status in ('active', 'inactive')),
  deactivated_at timestamptz,
  primary key (world, id)
);
create index meters_listed on meters (world, created desc, id desc);
create unique index meters_event_name on meters (world, event_name) where status = 'active';

create table prices (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  product text collate "C" not null,
  active boolean not null,
  type text not null check (type in ('one_time', 'recurring')),
  billing_scheme text not null check (billing_scheme in ('per_unit', 'tiered')),
  currency text not null,
  unit_amount_decimal text,
  tiers jsonb,
  tiers_mode text check (tiers_mode in ('graduated', 'volume')),
  transform_quantity jsonb,
  custom_unit_amount jsonb,
  currency_options jsonb,
  -- `interval`, `interval_count`, `usage_type`, `meter` and `trial_period_days`, or null for a one-time price.
  recurring jsonb,
  meter text collate "C",
  lookup_key text,
  nickname text,
  tax_behavior text not null,
  metadata jsonb not null,
  primary key (world, id),
  -- Deferred, so that a key may move from one price to another in one transaction.
  constraint prices_lookup_key unique (world, lookup_key) deferrable initially deferred,
  foreign key (world, product) references products,
  foreign key (world, meter) references meters
);
create index prices_listed on prices (world, created desc, id desc);
create index prices_of_product on prices (world, product, created desc, id desc);
create index prices_of_meter on prices (world, meter);
alter table products add foreign key (world, default_price) references prices deferrable initially deferred;

create table tax_rates (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  active boolean not null,
  display_name text not null,
  description text,
  percentage text not null,
  inclusive boolean not null,
  country text,
  state text,
  jurisdiction text,
  tax_type text,
  metadata jsonb not null,
  primary key (world, id)
);
create index tax_rates_listed on tax_rates (world, created desc, id desc);

create table coupons (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  name text,
  percent_off text,
  amount_off bigint,
  currency text,
  currency_options jsonb,
  duration text not null check (duration in ('once', 'repeating', 'forever')),
  duration_in_months integer,
  applies_to jsonb,
  max_redemptions integer,
  redeem_by timestamptz,
  times_redeemed integer not null,
  metadata jsonb not null,
  deleted boolean not null,
  primary key (world, id),
  check ((percent_off is null) <> (amount_off is null)),
  check (times_redeemed <= max_redemptions)
);
create index coupons_listed on coupons (world, created desc, id desc);

create table customers (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  test_clock text collate "C",
  name text,
  email text,
  phone text,
  description text,
  address jsonb,
  shipping jsonb,
  business_name text,
  individual_name text,
  balance bigint not null,
  currency text,
  delinquent boolean not null,
  invoice_prefix text not null,
  next_invoice_sequence integer not null,
  -- `custom_fields`, `footer`, `rendering_options`; the default payment method is a column of its own.
  invoice_settings jsonb not null,
  default_payment_method text collate "C",
  preferred_locales jsonb not null,
  tax_exempt text not null check (tax_exempt in ('none', 'exempt', 'reverse')),
  metadata jsonb not null,
  deleted boolean not null,
  primary key (world, id),
  foreign key (world, test_clock) references test_clocks
);
create index customers_listed on customers (world, created desc, id desc);
create index customers_by_email on customers (world, email);
create index customers_of_clock on customers (world, test_clock) where test_clock is not null;
create unique index customers_invoice_prefix on customers (world, invoice_prefix);

create table promotion_codes (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  code text not null,
  coupon text collate "C" not null,
  customer text collate "C",
  active boolean not null,
  expires_at timestamptz,
  max_redemptions integer,
  times_redeemed integer not null,
  restrictions jsonb not null,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, coupon) references coupons,
  foreign key (world, customer) references customers,
  check (times_redeemed <= max_redemptions)
);
create index promotion_codes_listed on promotion_codes (world, created desc, id desc);
create index promotion_codes_of_coupon on promotion_codes (world, coupon);
create index promotion_codes_of_customer on promotion_codes (world, customer);
create unique index promotion_codes_code on promotion_codes (world, lower(code)) where active and customer is null;

create table payment_methods (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C",
  type text not null,
  billing_details jsonb not null,
  card jsonb,
  -- How the processor knows it; never a card number.
  processor text not null,
  processor_reference text not null,
  -- The holder has agreed to be charged when absent, and the network's id of the first payment.
  set_up boolean not null,
  network_transaction_id text,
  -- What `card.checks` will be once the issuer was asked.
  checks_when_asked jsonb,
  -- Detached, or used up without a customer: it pays nothing any more.
  spent boolean not null,
  allow_redisplay text not null,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, customer) references customers
);
create index payment_methods_listed on payment_methods (world, created desc, id desc);
create index payment_methods_of_customer on payment_methods (world, customer, created desc, id desc);
alter table customers add foreign key (world, default_payment_method) references payment_methods deferrable initially deferred;
create index customers_default_payment_method on customers (world, default_payment_method) where default_payment_method is not null;

create table customer_balance_transactions (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C" not null,
  type text not null,
  amount bigint not null,
  ending_balance bigint not null,
  currency text not null,
  description text,
  invoice text collate "C",
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, customer) references customers
);
create index customer_balance_transactions_listed on customer_balance_transactions (world, customer, created desc, id desc);

create table tax_ids (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C" not null,
  type text not null,
  value text not null,
  country text,
  verification jsonb,
  primary key (world, id),
  foreign key (world, customer) references customers
);
create index tax_ids_of_customer on tax_ids (world, customer, created desc, id desc);

create table subscriptions (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C" not null,
  test_clock text collate "C",
  status text not null check (status in ('incomplete', 'incomplete_expired', 'trialing', 'active', 'past_due', 'canceled', 'unpaid', 'paused')),
  currency text not null,
  collection_method text not null check (collection_method in ('charge_automatically', 'send_invoice')),
  days_until_due integer,
  start_date timestamptz not null,
  billing_cycle_anchor timestamptz not null,
  billing_cycle_anchor_config jsonb,
  billing_mode jsonb not null,
  trial_start timestamptz,
  trial_end timestamptz,
  trial_settings jsonb not null,
  cancel_at timestamptz,
  cancel_at_period_end boolean not null,
  canceled_at timestamptz,
  cancellation_details jsonb not null,
  ended_at timestamptz,
  default_payment_method text collate "C",
  default_tax_rates jsonb not null,
  description text,
  invoice_settings jsonb not null,
  payment_settings jsonb not null,
  latest_invoice text collate "C",
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, customer) references customers,
  foreign key (world, test_clock) references test_clocks,
  foreign key (world, default_payment_method) references payment_methods
);
create index subscriptions_listed on subscriptions (world, created desc, id desc);
create index subscriptions_of_customer on subscriptions (world, customer, created desc, id desc);
create index subscriptions_of_clock on subscriptions (world, test_clock) where test_clock is not null;
create index subscriptions_default_payment_method on subscriptions (world, default_payment_method) where default_payment_method is not null;

create table subscription_items (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  subscription text collate "C" not null,
  price text collate "C" not null,
  quantity bigint,
  current_period_start timestamptz not null,
  current_period_end timestamptz not null,
  tax_rates jsonb not null,
  metadata jsonb not null,
  billing_thresholds jsonb,
  -- What was charged for the current period and is not credited yet: `{amount, start, end, tax_rates, invoice, line | invoice_item}`, amounts as decimal strings.
  debits jsonb not null,
  deleted boolean not null,
  primary key (world, id),
  foreign key (world, subscription) references subscriptions,
  foreign key (world, price) references prices,
  check (current_period_start <= current_period_end)
);
create index subscription_items_of_subscription on subscription_items (world, subscription);
create index subscription_items_of_price on subscription_items (world, price);

create table invoices (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C" not null,
  subscription text collate "C",
  test_clock text collate "C",
  status text not null check (status in ('draft', 'open', 'paid', 'uncollectible', 'void')),
  billing_reason text not null,
  -- What this invoice discharges, e.g. `sub_…:1767225600`: at most one invoice that is not void for each.
  obligation text collate "C",
  collection_method text not null check (collection_method in ('charge_automatically', 'send_invoice')),
  currency text not null,
  number text collate "C",
  period_start timestamptz not null,
  period_end timestamptz not null,
  due_date timestamptz,
  days_until_due integer,
  effective_at timestamptz,
  auto_advance boolean not null,
  automatically_finalizes_at timestamptz,
  attempted boolean not null,
  attempt_count integer not null,
  next_payment_attempt timestamptz,
  subtotal bigint not null,
  subtotal_excluding_tax bigint not null,
  total bigint not null,
  total_excluding_tax bigint not null,
  total_discount_amounts jsonb not null,
  total_taxes jsonb not null,
  starting_balance bigint not null,
  ending_balance bigint,
  amount_due bigint not null,
  amount_paid bigint not null,
  amount_remaining bigint not null,
  amount_overpaid bigint not null,
  -- The part of amount_paid that came another way, e.g. in cash.
  amount_paid_off_stripe bigint not null,
  finalized_at timestamptz,
  paid_at timestamptz,
  voided_at timestamptz,
  marked_uncollectible_at timestamptz,
  uncollectible_reason text,
  -- The customer as it was at finalisation: address, email, name, phone, shipping, tax_exempt, tax_ids.
  customer_snapshot jsonb not null,
  account_name text,
  account_country text,
  subscription_metadata jsonb,
  subscription_proration_date timestamptz,
  from_invoice jsonb,
  latest_revision text collate "C",
  default_payment_method text collate "C",
  default_tax_rates jsonb not null,
  -- The discounts on the whole of it, by id: its own, or those of its subscription or customer.
  discounts jsonb not null,
  description text,
  footer text,
  custom_fields jsonb,
  statement_descriptor text,
  payment_settings jsonb not null,
  rendering jsonb,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, customer) references customers,
  foreign key (world, subscription) references subscriptions,
  foreign key (world, test_clock) references test_clocks,
  foreign key (world, default_payment_method) references payment_methods
);
create index invoices_listed on invoices (world, created desc, id desc);
create index invoices_of_customer on invoices (world, customer, created desc, id desc);
create index invoices_of_subscription on invoices (world, subscription, created desc, id desc);
create index invoices_of_clock on invoices (world, test_clock) where test_clock is not null;
create index invoices_default_payment_method on invoices (world, default_payment_method) where default_payment_method is not null;
create unique index invoices_number on invoices (world, number);
create unique index invoices_obligation on invoices (world, obligation) where status <> 'void';

create table invoice_items (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  -- When it was made; `date` on the wire.
  created timestamptz not null,
  customer text collate "C" not null,
  subscription text collate "C",
  subscription_item text collate "C",
  invoice text collate "C",
  test_clock text collate "C",
  amount bigint not null,
  currency text not null,
  description text,
  discountable boolean not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  price text collate "C",
  product text collate "C",
  unit_amount_decimal text,
  quantity_decimal text not null,
  proration boolean not null,
  proration_details jsonb,
  tax_rates jsonb not null,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, customer) references customers,
  foreign key (world, subscription) references subscriptions,
  foreign key (world, subscription_item) references subscription_items,
  -- A draft that is deleted leaves its items waiting again, in the same transaction.
  foreign key (world, invoice) references invoices deferrable initially deferred,
  foreign key (world, price) references prices,
  foreign key (world, test_clock) references test_clocks
);
create index invoice_items_listed on invoice_items (world, created desc, id desc);
create index invoice_items_of_customer on invoice_items (world, customer, created desc, id desc);
create index invoice_items_pending on invoice_items (world, customer) where invoice is null;
create index invoice_items_of_subscription on invoice_items (world, subscription);
create index invoice_items_of_item on invoice_items (world, subscription_item);
create index invoice_items_of_invoice on invoice_items (world, invoice);
create index invoice_items_of_price on invoice_items (world, price);
create index invoice_items_of_clock on invoice_items (world, test_clock) where test_clock is not null;

create table invoice_lines (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  invoice text collate "C" not null,
  position integer not null,
  amount bigint not null,
  currency text not null,
  description text,
  discountable boolean not null,
  -- The discounts of this line alone (of its subscription item or invoice item), by id.
  discounts jsonb not null,
  discount_amounts jsonb not null,
  tax_rates jsonb not null,
  taxes jsonb not null,
  period_start timestamptz not null,
  period_end timestamptz not null,
  price text collate "C",
  product text collate "C",
  unit_amount_decimal text,
  quantity_decimal text,
  subscription text collate "C",
  subscription_item text collate "C",
  invoice_item text collate "C",
  proration boolean not null,
  proration_details jsonb,
  metadata jsonb not null,
  primary key (world, id),
  unique (world, invoice, position),
  foreign key (world, invoice) references invoices on delete cascade,
  foreign key (world, price) references prices,
  foreign key (world, subscription_item) references subscription_items
);
create index invoice_lines_of_item on invoice_lines (world, subscription_item, period_start);
create index invoice_lines_of_price on invoice_lines (world, price);

create table discounts (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  coupon text collate "C" not null,
  promotion_code text collate "C",
  customer text collate "C",
  subscription text collate "C",
  subscription_item text collate "C",
  invoice text collate "C",
  invoice_item text collate "C",
  -- The order among the discounts of the same holder.
  position integer not null,
  start timestamptz not null,
  "end" timestamptz,
  -- A discount that is used up or taken away stays readable, and gives nothing any more.
  ended boolean not null,
  primary key (world, id),
  foreign key (world, coupon) references coupons,
  foreign key (world, promotion_code) references promotion_codes,
  foreign key (world, customer) references customers,
  foreign key (world, subscription) references subscriptions,
  foreign key (world, subscription_item) references subscription_items,
  foreign key (world, invoice) references invoices on delete cascade,
  foreign key (world, invoice_item) references invoice_items on delete cascade
);
create index discounts_of_coupon on discounts (world, coupon);
create index discounts_of_promotion_code on discounts (world, promotion_code) where promotion_code is not null;
create index discounts_of_customer on discounts (world, customer) where customer is not null;
create index discounts_of_subscription on discounts (world, subscription) where subscription is not null;
create index discounts_of_item on discounts (world, subscription_item) where subscription_item is not null;
create index discounts_of_invoice on discounts (world, invoice) where invoice is not null;
create index discounts_of_invoice_item on discounts (world, invoice_item) where invoice_item is not null;

create table meter_events (
  world integer not null default kontor_world(),
  -- In the order of receipt, which decides between events of the same second.
  id text collate "C" not null,
  meter text collate "C" not null,
  identifier text collate "C" not null,
  event_name text not null,
  customer text collate "C" not null,
  timestamp timestamptz not null,
  value numeric not null,
  payload jsonb not null,
  created timestamptz not null,
  -- Taken back by an adjustment: remembered, and counted no more.
  canceled_at timestamptz,
  primary key (world, id),
  unique (world, meter, identifier),
  foreign key (world, meter) references meters
);
create index meter_events_of_customer on meter_events (world, meter, customer, timestamp, id) include (value) where canceled_at is null;

create table payment_intents (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C",
  test_clock text collate "C",
  invoice text collate "C",
  status text not null check (status in ('requires_payment_method', 'requires_confirmation', 'requires_action', 'processing', 'requires_capture', 'canceled', 'succeeded')),
  amount bigint not null,
  amount_received bigint not null,
  currency text not null,
  client_secret text not null,
  payment_method text collate "C",
  latest_charge text collate "C",
  -- How often it was confirmed; numbers the calls to the processor.
  attempts integer not null,
  last_payment_error jsonb,
  next_action jsonb,
  automatic_payment_methods jsonb,
  setup_future_usage text,
  description text,
  receipt_email text,
  statement_descriptor text,
  canceled_at timestamptz,
  cancellation_reason text,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, customer) references customers,
  foreign key (world, invoice) references invoices,
  foreign key (world, payment_method) references payment_methods,
  foreign key (world, test_clock) references test_clocks
);
create index payment_intents_listed on payment_intents (world, created desc, id desc);
create index payment_intents_of_customer on payment_intents (world, customer, created desc, id desc);
create index payment_intents_of_invoice on payment_intents (world, invoice);
create index payment_intents_of_method on payment_intents (world, payment_method);
create index payment_intents_of_clock on payment_intents (world, test_clock) where test_clock is not null;

create table charges (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  customer text collate "C",
  payment_intent text collate "C" not null,
  payment_method text collate "C",
  status text not null check (status in ('succeeded', 'pending', 'failed')),
  amount bigint not null,
  amount_captured bigint not null,
  amount_refunded bigint not null,
  currency text not null,
  failure_code text,
  failure_message text,
  outcome jsonb,
  billing_details jsonb not null,
  payment_method_details jsonb,
  processor_reference text,
  description text,
  receipt_email text,
  metadata jsonb not null,
  primary key (world, id),
  foreign key (world, customer) references customers,
  foreign key (world, payment_intent) references payment_intents,
  foreign key (world, payment_method) references payment_methods
);
create index charges_listed on charges (world, created desc, id desc);
create index charges_of_customer on charges (world, customer, created desc, id desc);
create index charges_of_intent on charges (world, payment_intent);
create index charges_of_method on charges (world, payment_method);

create table invoice_payments (
  world integer not null default kontor_world(),
  id text collate "C" not null,
  created timestamptz not null,
  invoice text collate "C" not null,
  payment_intent text collate "C" not null,
  status text not null check (status in ('open', 'paid', 'canceled')),
  amount_requested bigint not null,
  amount_paid bigint,
  currency text not null,
  is_default boolean not null,
  paid_at timestamptz,
  canceled_at timestamptz,
  primary key (world, id),
  foreign key (world, invoice) references invoices on delete cascade,
  foreign key (world, payment_intent) references payment_intents
);
create index invoice_payments_listed on invoice_payments (world, created desc, id desc);
create index invoice_payments_of_invoice on invoice_payments (world, invoice);
create index invoice_payments_of_intent on invoice_payments (world, payment_intent);

-- Each world sees itself. The worker looks over all worlds for what is due, and only looks: `kontor.world` is '0' then.
do $$
declare
  name text;
begin
  for name in
    select table_name from information_schema.columns where table_schema = 'public' and column_name = 'world' order by 1
  loop
    execute format('alter table %I enable row level security, force row level security', name);
    execute format('create policy own_world on %I using (world = kontor_world()) with check (world = kontor_world())', name);
    execute format('grant select, insert, update, delete on %I to kontor_app', name);
  end loop;
  foreach name in array array['api_keys', 'test_clocks', 'timers', 'calls', 'webhook_deliveries', 'idempotency_keys'] loop
    execute format('create policy all_worlds on %I for select using (kontor_world() = 0)', name);
  end loop;
end $$;
grant select on accounts, worlds to kontor_app;
grant update (settings, business_name, email) on accounts to kontor_app;
revoke update, delete on ledger_entries, events from kontor_app;
grant delete on events to kontor_app;
revoke insert, update, delete on api_keys from kontor_app;
