"""A second look at an upload, told how it was saved."""

from datafactory.engine.plans import Saved
from datafactory.engine.reading import sniff_file
from datafactory.models import Upload
from datafactory.services import plans, uploads
from modeling.artifacts import to_json
from modeling.errors import DataError


def look_again(*, upload: Upload, saved: Saved) -> Upload:
    """Look at the kept file again and keep what is seen. Twice is safe.

    Raises ``upload_used`` when the bytes are gone, and DataError when the file cannot be read that way: then the former
    look stays, unless raw personal data came to light, which removes the bytes.
    """
    path = uploads.require_file(upload)
    try:
        sniff = sniff_file(path, plans.limits(), told=saved)
    except DataError as error:
        if error.code.startswith("raw_"):
            uploads.forget(upload)
        raise
    upload.sniff = to_json(sniff)
    upload.save(update_fields=["sniff"])
    return upload
