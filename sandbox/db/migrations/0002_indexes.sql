-- Indexes beside MLflow's own, named apart so that MLflow's migrations never meet them.
CREATE INDEX IF NOT EXISTS sandbox_runs_by_experiment ON runs (experiment_id, lifecycle_stage, start_time DESC, run_uuid);

CREATE INDEX IF NOT EXISTS sandbox_logged_models_by_experiment ON logged_models (experiment_id, lifecycle_stage, creation_timestamp_ms DESC);

CREATE INDEX IF NOT EXISTS sandbox_traces_by_time ON trace_info (experiment_id, timestamp_ms DESC, request_id);

CREATE INDEX IF NOT EXISTS sandbox_traces_by_run ON trace_request_metadata (value, request_id) WHERE "key" = 'mlflow.sourceRun';

CREATE INDEX IF NOT EXISTS sandbox_assessments_by_name ON assessments (name, assessment_type, trace_id);

-- The clean-up finds what is deleted without reading what is not.
CREATE INDEX IF NOT EXISTS sandbox_runs_by_deleted_time ON runs (deleted_time, run_uuid) WHERE deleted_time IS NOT NULL;

CREATE INDEX IF NOT EXISTS sandbox_logged_models_deleted ON logged_models (last_updated_timestamp_ms, model_id) WHERE lifecycle_stage = 'deleted';

-- Removing a run or an experiment looks for the rows that refer to it.
CREATE INDEX IF NOT EXISTS sandbox_logged_model_metrics_by_run ON logged_model_metrics (run_id);

CREATE INDEX IF NOT EXISTS sandbox_logged_model_metrics_by_experiment ON logged_model_metrics (experiment_id);

CREATE INDEX IF NOT EXISTS sandbox_logged_model_params_by_experiment ON logged_model_params (experiment_id);

CREATE INDEX IF NOT EXISTS sandbox_logged_model_tags_by_experiment ON logged_model_tags (experiment_id);

-- The order of searches when nobody names one, over all, of one model and of one run. All three:
-- with the first alone SQLite would read all versions in order to find those of one run.
CREATE INDEX IF NOT EXISTS sandbox_model_versions_by_update ON model_versions (workspace, last_updated_time DESC, name, version DESC);

CREATE INDEX IF NOT EXISTS sandbox_model_versions_by_name_update ON model_versions (workspace, name, last_updated_time DESC, version DESC);

CREATE INDEX IF NOT EXISTS sandbox_model_versions_by_run_update ON model_versions (workspace, run_id, last_updated_time DESC, name, version DESC);

-- The latest version of each stage.
CREATE INDEX IF NOT EXISTS sandbox_model_versions_by_stage ON model_versions (workspace, name, current_stage, version);

-- What searches hide unless they are asked for it.
CREATE INDEX IF NOT EXISTS sandbox_prompt_versions ON model_version_tags (workspace, name) WHERE key = 'mlflow.prompt.is_prompt' AND value = 'true';

CREATE INDEX IF NOT EXISTS sandbox_prompts ON registered_model_tags (workspace, name) WHERE key = 'mlflow.prompt.is_prompt' AND value = 'true';

CREATE INDEX IF NOT EXISTS sandbox_registered_models_by_update ON registered_models (workspace, last_updated_time DESC, name);
DROP INDEX IF EXISTS sandbox_model_versions_by_run;  -- of an earlier version

-- The runs whose metric meets a condition, and the best by a metric, without reading their rows.
CREATE INDEX IF NOT EXISTS sandbox_latest_metrics_by_value ON latest_metrics (key, value, is_nan, run_uuid);
