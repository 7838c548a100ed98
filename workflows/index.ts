export { npiUpdate } from './npi-update.ts';
