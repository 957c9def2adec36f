from django.db import migrations

from projects import audit_triggers


def install(apps, schema_editor):
    AuditHead = apps.get_model("projects", "AuditHead")
    AuditHead.objects.get_or_create(pk=1, defaults={"seq": 0, "hash": "0" * 64})
    audit_triggers.install(schema_editor.connection)


def remove(apps, schema_editor):
    audit_triggers.remove(schema_editor.connection)


class Migration(migrations.Migration):
    dependencies = [("projects", "0002_audit_head_tokens")]

    operations = [migrations.RunPython(install, remove)]
