-- The target list formatter's tables, as its runbook queries them, with believable rows.
create table uploads (
  id text primary key,
  user_id text not null,
  file_name text not null,
  size_bytes bigint not null,
  created_at timestamptz not null
);
create table datasets (
  id text primary key,
  user_id text not null,
  upload_id text references uploads (id),
  row_count integer not null,
  created_at timestamptz not null
);
create table jobs (
  id text primary key,
  user_id text not null,
  dataset_id text references datasets (id),
  status text not null,
  error text,
  created_at timestamptz not null,
  completed_at timestamptz
);
create table artifacts (
  id text primary key,
  job_id text references jobs (id),
  object_key text not null,
  created_at timestamptz not null
);
create table "MappingTemplate" (
  id text primary key,
  name text not null,
  version integer not null,
  created_at timestamptz not null
);
create table "FieldDef" (
  id text primary key,
  "templateId" text not null references "MappingTemplate" (id),
  name text not null,
  "sourceHeaders" text[] not null
);
create index idx_jobs_user_status on jobs (user_id, status);
insert into uploads
select 'up_' || n, 'user_' || n % 40, 'companies-' || n || '.csv', 20000 + n * 137, now() - n * interval '5 hours'
from generate_series(0, 149) n;
insert into datasets
select 'ds_' || n, 'user_' || n % 40, 'up_' || n, 100 + n * 61, now() - n * interval '5 hours' + interval '1 minute'
from generate_series(0, 149) n;
insert into jobs
select 'job_' || n, 'user_' || n % 40, 'ds_' || n % 150, case when n % 120 = 7 then 'failed' else 'completed' end,
  case when n % 120 = 7 then 'ExcelJS: sheet name too long' end,
  now() - n * interval '100 minutes', now() - n * interval '100 minutes' + (5 + n % 20) * interval '1 second'
from generate_series(0, 599) n;
insert into artifacts
select 'art_' || n, 'job_' || n, 'artifacts/job_' || n || '.xlsx', now() - n * interval '100 minutes'
from generate_series(0, 599) n where n % 120 <> 7;
insert into "MappingTemplate"
values ('tpl_1', 'sourcescrub', 3, now() - interval '200 days'), ('tpl_2', 'grata', 1, now() - interval '90 days');
insert into "FieldDef"
values ('fd_1', 'tpl_1', 'companyName', '{"Company Name","Name"}'), ('fd_2', 'tpl_1', 'website', '{"Website","URL"}'),
  ('fd_3', 'tpl_2', 'companyName', '{"Company"}');
