"""LivePortrait's published networks (Guo et al. 2024), driven with this project's motion; weights from the Hub."""
