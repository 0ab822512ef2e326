-- Of a correction that gives back no more than credit notes have left: what the line that it corrects comes to since then, in minor units.
alter table invoice_corrections add column kept bigint;
