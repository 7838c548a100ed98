import {
  ConfigError,
  processEnvironmentWithServices,
  readConfig,
  type Config,
  type DatabaseConfig,
} from '../config/config.ts';

/**
 * The configuration of the host's process: its environment and `.env`, as for the commands.
 * @throws ConfigError naming every wrong or missing value
 */
export function hostConfig(need: Parameters<typeof readConfig>[1] = ['database']): {
  readonly config: Config;
  readonly database: DatabaseConfig;
} {
  const config = readConfig(processEnvironmentWithServices(), need);
  if (!config.database) throw new ConfigError('DATABASE_URL: missing.');
  return { config, database: config.database };
}
