"""The table of usage events: 32 hash partitions by subscription, one of which answers any question."""

from django.db import migrations, models

PARTITIONS = 32

CREATE_TABLE = """
CREATE TABLE usage_event (
    subscription_id uuid NOT NULL,
    event_id varchar(128) NOT NULL,
    metric_id uuid NOT NULL,
    value numeric(28, 12) NOT NULL,
    properties jsonb,
    "timestamp" timestamptz NOT NULL,
    received_at timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, event_id)
) PARTITION BY HASH (subscription_id);
"""
CREATE_PARTITION = """
CREATE TABLE usage_event_{index:02} PARTITION OF usage_event
    FOR VALUES WITH (MODULUS {count}, REMAINDER {index})
    WITH (autovacuum_vacuum_insert_scale_factor = 0.01, autovacuum_vacuum_insert_threshold = 10000);
"""
CREATE_INDEX = """
CREATE INDEX usage_event_question ON usage_event (subscription_id, metric_id, "timestamp") INCLUDE (value);
"""


class Migration(migrations.Migration):
    initial = True
    dependencies = [("subscriptions", "0001_initial")]
    operations = [
        migrations.RunSQL(
            CREATE_TABLE
            + "".join(CREATE_PARTITION.format(index=index, count=PARTITIONS) for index in range(PARTITIONS))
            + CREATE_INDEX,
            "DROP TABLE usage_event",
            state_operations=[
                migrations.CreateModel(
                    name="UsageEvent",
                    fields=[
                        (
                            "pk",
                            models.CompositePrimaryKey(
                                "subscription_id",
                                "event_id",
                                blank=True,
                                editable=False,
                                primary_key=True,
                                serialize=False,
                            ),
                        ),
                        ("subscription_id", models.UUIDField()),
                        ("event_id", models.CharField(max_length=128)),
                        ("metric_id", models.UUIDField()),
                        ("value", models.DecimalField(decimal_places=12, max_digits=28)),
                        ("properties", models.JSONField(blank=True, null=True)),
                        ("timestamp", models.DateTimeField()),
                        ("received_at", models.DateTimeField()),
                    ],
                    options={"db_table": "usage_event", "managed": False},
                )
            ],
        )
    ]
