-- Price moves that take effect at the end of each subscription's period: the item waits with its plan until then.

-- How many entries are in which state is counted when it is asked for, since they change one by one.
alter table price_moves add column "when" text not null default 'now' check ("when" in ('now', 'period_end'));
alter table price_moves alter column "when" drop default, drop column pending, drop column applied, drop column skipped, drop column failed;

alter table price_move_entries drop constraint price_move_entries_state_check, drop constraint price_move_entries_check;
alter table price_move_entries add constraint price_move_entries_state_check check (state in ('pending', 'scheduled', 'applied', 'skipped', 'failed'));
alter table price_move_entries add constraint price_move_entries_check check ((state in ('pending', 'scheduled', 'applied')) = (reason is null));
-- From when on the new price counts, at the subscription's own time; null where it never does, or where that is not known yet.
alter table price_move_entries add column effective_at timestamptz;
update price_move_entries set effective_at = applied_at;
create index price_move_entries_by_state on price_move_entries (world, price_move, state);

-- The plan by which the item goes to another price when its period ends.
alter table subscription_items add column price_move text collate "C";
alter table subscription_items add foreign key (world, price_move) references price_moves;
create index subscription_items_of_price_move on subscription_items (world, price_move) where price_move is not null;
