-- Access tokens stand beside MLflow's tables, which know none. Only a token's SHA-256 is kept.
CREATE TABLE IF NOT EXISTS sandbox_tokens (
  id INTEGER NOT NULL,
  user_id INTEGER NOT NULL,
  name VARCHAR(255) NOT NULL,
  token_hash VARCHAR(64) NOT NULL,
  created_ms BIGINT NOT NULL,
  expires_ms BIGINT,
  PRIMARY KEY (id),
  UNIQUE (token_hash)
);

CREATE INDEX IF NOT EXISTS sandbox_tokens_by_user ON sandbox_tokens (user_id);

-- A user that MLflow's own server deletes takes the tokens along: user ids are given out again.
CREATE TRIGGER IF NOT EXISTS sandbox_tokens_follow_users AFTER DELETE ON users BEGIN
  DELETE FROM sandbox_tokens WHERE user_id = OLD.id;
END;
