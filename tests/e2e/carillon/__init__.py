"""What the process tests are made of: nodes, receivers, ledgers, and what they are compared with."""
