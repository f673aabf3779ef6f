from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.cli.calls import Done, batchops, here


def orders() -> pl.DataFrame:
    number = pl.int_range(300)
    return pl.select(
        order_id=number + 1,
        country=pl.lit(pl.Series(["DE", "FR", "IT"] * 100)),
        amount=(number % 97).cast(pl.Float64) / 4,
        email=pl.format("buyer{}@example.org", number),
    )


@pytest.fixture
def shop(tmp_path: Path) -> Path:
    """An empty folder with two nights of orders."""
    for night in ("2025-06-01", "2025-06-02"):
        folder = tmp_path / "data" / "orders" / f"night={night}"
        folder.mkdir(parents=True)
        orders().write_parquet(folder / "x.parquet")
    return tmp_path


def test_from_data_to_a_contract_that_checks_in_an_empty_folder(shop: Path) -> None:
    inferred, shown, again, forced = here(
        [
            ["contract", "infer", "data/orders", "--out", "schemas/orders.py"],
            ["contract", "show", "Orders"],
            ["contract", "infer", "data/orders", "--out", "schemas/orders.py"],
            ["contract", "infer", "data/orders", "--out", "schemas/orders.py", "--force", "--key", "order_id, country"],
        ],
        cwd=shop,
    )
    assert (inferred.exit_code, inferred.stderr) == (0, "")
    assert inferred.stdout.splitlines() == [
        "wrote schemas/orders.py",
        "Orders: 4 columns, 8 rules, from 600 rows in 2 files of 2 nights, 2025-06-01 to 2025-06-02",
        "key: order_id, by its values; unique in every night",
        "likely personal data: email (its name); without bounds or lists",
        'finish it: widen bounds to what can be, and mark features: metadata={"role": "feature"}',
        "next: batchops contract check Orders",
    ]
    assert (shown.exit_code, "order_id" in shown.stdout) == (0, True)
    assert (again.exit_code, "schemas/orders.py: is already there. Give --force" in again.stderr) == (2, True)
    assert "key: order_id, country, as given; unique in every night" in forced.stdout
    text = (shop / "schemas/orders.py").read_text()
    assert "buyer" not in text
    assert '"rows": (150, 600)' in text
    command = [sys.executable, "-m", "ruff", "format", "--check", "--line-length", "120", "--isolated", "schemas"]
    assert subprocess.run(command, cwd=shop, capture_output=True, check=False).returncode == 0


def test_without_out_the_module_is_the_result_and_the_rest_is_said_beside_it(shop: Path) -> None:
    done = batchops("contract", "infer", "data/orders/night=2025-06-01/x.parquet", "--name", "daily orders", cwd=shop)
    assert done.stdout.startswith('"""The contract of daily orders: what a night\'s rows must be.\n')
    assert "class DailyOrders(pa.DataFrameModel):" in done.stdout
    assert "key: order_id, by its values; unique in all rows" in done.stderr
    compile(done.stdout, "daily_orders.py", "exec")


def test_what_was_found_is_there_for_machines(shop: Path) -> None:
    done = batchops("contract", "infer", "data/orders", "--key", "country", "--output", "json", cwd=shop)
    value = json.loads(done.stdout)
    assert value.pop("text").startswith('"""The contract of Orders')
    assert value == {
        **{"name": "Orders", "rows": 600, "files": 2, "nights": 2, "columns": 4, "rules": 8},
        **{"key": ["country"], "repeated": 594, "personal": {"email": "its name"}},
    }
    assert "key: country, as given; 594 rows repeat one, and would be set aside" in done.stderr


def test_a_contract_goes_out_and_comes_back(shop: Path) -> None:
    made, out, back, checked, over = here(
        [
            ["contract", "infer", "data/orders", "--out", "schemas/orders.py"],
            ["contract", "export", "Orders", "--format", "odcs", "--out", "orders.odcs.yaml"],
            ["contract", "import", "orders.odcs.yaml", "--format", "odcs", "--out", "schemas/orders_again.py"],
            ["contract", "show", "schemas/orders_again.py"],
            ["contract", "export", "Orders", "--out", "orders.odcs.yaml"],
        ],
        cwd=shop,
    )
    assert [made.exit_code, out.exit_code, back.exit_code, checked.exit_code, over.exit_code] == [0, 0, 0, 0, 2]
    assert out.stdout == "wrote orders.odcs.yaml\n"
    assert back.stdout.splitlines() == [
        "wrote schemas/orders_again.py",
        "Orders: 4 columns, 8 rules",
        "next: batchops contract check Orders",
    ]
    document = (shop / "orders.odcs.yaml").read_text()
    assert document.startswith("apiVersion: v3.1.0\nkind: DataContract\n")
    assert "buyer" not in document


def test_what_no_rule_is_made_of_is_said_and_stands_in_the_module(shop: Path) -> None:
    document = """
apiVersion: v3.1.0
kind: DataContract
schema:
- name: parcels
  properties:
  - name: id
    logicalType: string
    quality:
    - {type: text, description: It was scanned.}
"""
    (shop / "parcels.yaml").write_text(document)
    done = batchops("contract", "import", "parcels.yaml", cwd=shop)
    assert "    # - id: It was scanned. (text)\n" in done.stdout
    assert done.stderr.splitlines() == ["Parcels: 1 column, 0 rules", "left out: id: It was scanned. (text)"]


def refused(done: Done) -> str:
    assert (done.exit_code, done.stdout) == (2, "")
    return done.stderr


def test_what_cannot_be_is_refused_in_a_sentence(shop: Path) -> None:
    (shop / "broken.parquet").write_bytes(b"PAR1 buyer@example.org")
    nothing, broken, key, missing, spec = here(
        [
            ["contract", "infer", "nowhere"],
            ["contract", "infer", "broken.parquet"],
            ["contract", "infer", "data", "--key", "orderid"],
            ["contract", "import", "nowhere.yaml"],
            ["contract", "export", "Orders"],
        ],
        cwd=shop,
    )
    assert "nowhere: names no data. Name parquet or CSV files" in refused(nothing)
    assert "broken.parquet: cannot be read as parquet" in refused(broken)
    assert "buyer" not in broken.stderr
    assert "Did you mean order_id?" in refused(key)
    assert "nowhere.yaml: cannot be read" in refused(missing)
    assert "contract 'Orders'" in refused(spec)
