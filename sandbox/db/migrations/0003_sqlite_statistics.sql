-- What SQLite's planner should take the large tables for, however many rows they have today: a lab
-- with many runs that share their keys. Without it the planner reads a metric's points of all runs
-- to find those of one. First number: rows; then the rows that agree in the first column of the
-- index, in the first two, and so on.
ANALYZE alembic_version;
DELETE FROM sqlite_stat1;
INSERT INTO sqlite_stat1 (tbl, idx, stat) VALUES
  ('runs', 'sqlite_autoindex_runs_1', '100000 1'),
  ('runs', 'sandbox_runs_by_experiment', '100000 5000 4000 2 1'),
  ('metrics', 'sqlite_autoindex_metrics_1', '10000000 200000 20 20 1 1 1'),
  ('metrics', 'index_metrics_run_uuid', '10000000 1000'),
  ('metrics', 'index_metrics_run_uuid_key_step', '10000000 1000 200 1'),
  ('latest_metrics', 'sqlite_autoindex_latest_metrics_1', '500000 20000 1'),
  ('latest_metrics', 'index_latest_metrics_run_uuid', '500000 6'),
  ('params', 'sqlite_autoindex_params_1', '1000000 20000 1'),
  ('params', 'index_params_run_uuid', '1000000 11'),
  ('tags', 'sqlite_autoindex_tags_1', '800000 50000 1'),
  ('tags', 'index_tags_run_uuid', '800000 8');
ANALYZE sqlite_schema;
