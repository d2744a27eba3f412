"""The law: what one person does in one session, step by step.

`session` puts the seven steps in order; each is a file. What they read: `law` is `simulator.scenario.build_law.Law` (what
the scenario assumes), `board` is `simulator.law.board.Board` (what the market has published), `person`, `life`, `shown`
and `ledger` are rows of the record arrays in `state`, `moment` is what the calendar and chance bring.
"""
