/** The configuration is not valid; the message lists every wrong value. The command line exits with 2. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly exitCode: number = 2;
}
