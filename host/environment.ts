import { ConfigError } from '../config/config-error.ts';
import {
  processEnvironmentWithServices,
  readConfig,
  type Config,
  type DatabaseConfig,
} from '../config/config.ts';

/**
 * Reads the configuration of the host application from its environment and `.env`, as the commands do.
 * @throws ConfigError naming every wrong or missing value
 */
export function hostConfig(need: Parameters<typeof readConfig>[1] = ['database']): {
  readonly config: Config;
  readonly database: DatabaseConfig;
} {
  const config = readConfig(processEnvironmentWithServices(), need);
  if (!config.database) throw new ConfigError('DATABASE_URL is required.');
  return { config, database: config.database };
}
