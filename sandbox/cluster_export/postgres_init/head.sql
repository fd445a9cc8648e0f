-- Roles and databases of the installation; may be run again. Run it by init.sh, which says where the
-- passwords come from.
\set ON_ERROR_STOP on
SET password_encryption = 'scram-sha-256';
