-- When a call was first begun: how long it is recognised by the other side counts from then, and not from when it was written.

alter table calls add column begun timestamptz;
update calls set begun = created where attempts > 0;
