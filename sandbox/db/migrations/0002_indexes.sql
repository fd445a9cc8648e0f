-- Indexes beside MLflow's own, named apart so that MLflow's migrations never meet them.
CREATE INDEX IF NOT EXISTS sandbox_runs_by_experiment ON runs (experiment_id, lifecycle_stage, start_time DESC, run_uuid);

CREATE INDEX IF NOT EXISTS sandbox_logged_models_by_experiment ON logged_models (experiment_id, lifecycle_stage, creation_timestamp_ms DESC);

-- The order of searches when nobody names one, over all, of one model and of one run. All three:
-- with the first alone SQLite would read all versions in order to find those of one run.
CREATE INDEX IF NOT EXISTS sandbox_model_versions_by_update ON model_versions (workspace, last_updated_time DESC, name, version DESC);

CREATE INDEX IF NOT EXISTS sandbox_model_versions_by_name_update ON model_versions (workspace, name, last_updated_time DESC, version DESC);

DROP INDEX IF EXISTS sandbox_model_versions_by_run;

CREATE INDEX IF NOT EXISTS sandbox_model_versions_by_run_update ON model_versions (workspace, run_id, last_updated_time DESC, name, version DESC);

-- The latest version of each stage.
CREATE INDEX IF NOT EXISTS sandbox_model_versions_by_stage ON model_versions (workspace, name, current_stage, version);

-- What searches hide unless they are asked for it.
CREATE INDEX IF NOT EXISTS sandbox_prompt_versions ON model_version_tags (workspace, name) WHERE key = 'mlflow.prompt.is_prompt' AND value = 'true';

CREATE INDEX IF NOT EXISTS sandbox_prompts ON registered_model_tags (workspace, name) WHERE key = 'mlflow.prompt.is_prompt' AND value = 'true';

CREATE INDEX IF NOT EXISTS sandbox_registered_models_by_update ON registered_models (workspace, last_updated_time DESC, name);
