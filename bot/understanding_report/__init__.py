"""The report of a training or an evaluation: one HTML page that needs nothing else."""

from bot.understanding_report.report import write_report

__all__ = ["write_report"]
