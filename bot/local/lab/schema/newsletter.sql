-- The newsletter's tables, as its runbook queries them, with believable rows.
create table tenants (
  id text primary key,
  name text not null,
  plan text not null,
  created_at timestamptz not null
);
create table campaigns (
  id text primary key,
  tenant_id text not null references tenants (id),
  subject text not null,
  status text not null,
  created_at timestamptz not null,
  sent_at timestamptz
);
create table email_events (
  id bigint generated always as identity primary key,
  campaign_id text not null references campaigns (id),
  event_type text not null,
  recipient text not null,
  created_at timestamptz not null
);
create index idx_campaigns_tenant_created on campaigns (tenant_id, created_at);
create index idx_email_events_campaign_type on email_events (campaign_id, event_type);
insert into tenants
select 'tenant_' || n, 'Tenant ' || n, (array['free', 'pro', 'business'])[1 + n % 3], now() - n * interval '40 days'
from generate_series(0, 6) n;
insert into campaigns
select 'cmp_' || (1000 + n), 'tenant_' || n % 7, 'Issue ' || n, case when n < 4 then 'sending' else 'sent' end,
  now() - n * interval '9 hours', case when n < 4 then null else now() - n * interval '9 hours' + interval '20 minutes' end
from generate_series(0, 199) n;
insert into email_events (campaign_id, event_type, recipient, created_at)
select 'cmp_' || (1000 + n % 200), (array['delivered', 'delivered', 'delivered', 'opened', 'clicked', 'bounced'])[1 + n % 6],
  'reader' || n || '@example.com', now() - (n % 900) * interval '1 day'
from generate_series(0, 5999) n;
