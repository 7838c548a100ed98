/** Two queues, so that a long load never holds up workflows and short activities. */
export const taskQueues = {
  main: 'surgicase',
  npi: 'surgicase-npi',
} as const;
