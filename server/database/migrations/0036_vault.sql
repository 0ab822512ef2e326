-- The vault's token for a card that was typed: the number is there and nowhere else. It is empty where the card came by a name, and once it is used up.

alter table payment_methods add column vault text collate "C";
create unique index payment_methods_of_vault on payment_methods (world, vault) where vault is not null;
